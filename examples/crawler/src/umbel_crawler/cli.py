"""The command `umbel-crawler`."""

from __future__ import annotations

import re
import signal
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Any, Final, NoReturn

import click

from umbel.exceptions import UmbelError

from . import __version__, report
from .database import CrawlFileError, existing, path_of
from .demo import TooLong, run_demo
from .display import display
from .fleet import Fleet, WorkerDied
from .plan import AGENT, Limits, Plan
from .run import Crawl, Place, follow, start_workers
from .site import SiteError
from .urls import canonical, host_of
from .watch import Snapshot, Watcher

STOPPED: Final = 130  # exit code after Ctrl-C


class _UrlOrCommand(click.Group):
    """`umbel-crawler URL` means `umbel-crawler crawl URL`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in {"--help", "-h", "--version"}:
            args = ["crawl", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_UrlOrCommand, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Crawl a web site with distributed workers.

    \b
        umbel-crawler demo                                      see it work, without the internet
        umbel-crawler https://example.com/ --depth 2            crawl a site on this machine
        umbel-crawler search example.com some words             search what was found
        umbel-crawler https://example.com/ --broker URL --no-workers
                                                                let a fleet of workers do it

    `umbel-crawler crawl --help` lists the options of a crawl.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)  # the workers are ended on the way out


@main.command()
@click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Keep the crawl's file in this folder, for `umbel-crawler search demo WORDS --data FOLDER`.",
)
def demo(keep: Path | None) -> None:
    """Crawl Python's documentation here.

    Kills a crawler node in the middle, and shows that nothing is lost. Needs no server and no network, ends within two
    minutes, with exit code 0 when no page is missing.
    """
    with tempfile.TemporaryDirectory(prefix="umbel-crawler-") as name:
        folder = Path(name)
        data = keep.resolve() if keep else folder / "crawls"
        try:
            verdict = run_demo(folder, data, display(), click.echo)
        except (TooLong, WorkerDied, SiteError, CrawlFileError, UmbelError) as error:
            raise click.ClickException(str(error)) from None
        except KeyboardInterrupt:
            click.echo("\nstopped; all workers are ended")
            raise SystemExit(STOPPED) from None
    for line in verdict.lines:
        click.echo(line)
    click.echo(_NEXT)
    raise SystemExit(0 if verdict.passed else 1)


_NEXT = """
what next:
  umbel-crawler https://example.com/ --depth 2 --max-pages 200   another site
  with Redis, after pip install "umbel[redis]":
  umbel-crawler URL --broker redis://host/0                      the messages in Redis instead of a file
  umbel-crawler URL --broker redis://host/0 --no-workers         and the work on other machines; on each of them
      UMBEL_CRAWLER_BROKER=redis://host/0 umbel -A umbel_crawler.app worker -Q crawl -n crawler1@%h
  `umbel-crawler crawl --help` tells the rest"""


_data_option = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("crawls"),
    show_default=True,
    envvar="UMBEL_CRAWLER_DATA",
    help="Folder of the crawls.",
)


@main.command()
@click.argument("url")
@click.option("--depth", type=click.IntRange(min=0), default=3, show_default=True, help="Most links from the start.")
@click.option("--max-pages", type=click.IntRange(min=1), default=1000, show_default=True, help="End after this many.")
@click.option("--host", "hosts", multiple=True, metavar="HOST", help="A further host that belongs to the crawl.")
@click.option("--per-site", type=click.IntRange(min=1), default=2, show_default=True, help="Fetches under way a site.")
@click.option(
    "--delay",
    type=click.FloatRange(min=0),
    default=0.5,
    show_default=True,
    help="Least seconds between two fetches of a site; a longer Crawl-delay of its robots.txt wins.",
)
@click.option("--timeout", type=click.FloatRange(min=0.1), default=20, show_default=True, help="Seconds for a page.")
@click.option("--max-bytes", type=click.IntRange(min=1), default=8_000_000, show_default=True, help="Longest page.")
@click.option("--retries", type=click.IntRange(min=0), default=3, show_default=True, help="After a 5xx or a time-out.")
@click.option("--agent", default=AGENT, show_default=True, help="User-Agent; add an address where you can be reached.")
@click.option("--error-title", default="", metavar="REGEX", help="A page whose title it matches is a broken link.")
@click.option("--warc", is_flag=True, help="Archive the answers as WARC too (needs umbel-crawler[warc]).")
@click.option("--name", help="Name of the crawl; the same name goes on with it.  [default: the host]")
@_data_option
@click.option(
    "--broker", metavar="URL", envvar="UMBEL_CRAWLER_BROKER", help="Store of the messages.  [default: a file]"
)
@click.option("--nodes", type=click.IntRange(min=1), default=2, show_default=True, help="Local crawler nodes.")
@click.option("--no-workers", is_flag=True, help="Start none: a fleet of workers does it (with --broker).")
def crawl(url: str, **options: Any) -> None:
    """Crawl a site.

    Pages of URL's host, within some links of it, with respect for its robots.txt.

    \b
        umbel-crawler https://example.com/ --depth 2 --max-pages 200
        umbel-crawler https://example.com/ --host docs.example.com --warc

    Ends with exit code 0 when pages were stored, 1 when none was, 130 after Ctrl-C. The same command again goes on
    where it stopped, and tries again what failed.
    """
    plan = _plan(url, options)
    name = options["name"] or re.sub(r"[^A-Za-z0-9._-]", "-", host_of(plan.start)).strip("-.")
    data: Path = options["data"].resolve()
    if options["no_workers"] and not options["broker"]:
        raise click.UsageError("--no-workers needs --broker URL: where the fleet's workers look for messages.")
    if (options["broker"] or "").startswith("memory:"):
        raise click.UsageError("memory:// is seen by one process only; give a store that workers can share.")
    try:
        last, path = _crawl(name, plan, data, options)
    except (CrawlFileError, WorkerDied, UmbelError) as error:
        raise click.ClickException(str(error)) from None
    except KeyboardInterrupt:
        click.echo(f"\nstopped; the same command goes on with it (--name {name})")
        raise SystemExit(STOPPED) from None
    db = existing(path)
    for line in report.summary(db, last, path):
        click.echo(line)
    click.echo(f"\nsearch it:  umbel-crawler search {name} WORDS")
    raise SystemExit(0 if last.pages else 1)


def _crawl(name: str, plan: Plan, data: Path, options: dict[str, Any]) -> tuple[Snapshot, Path]:
    with tempfile.TemporaryDirectory(prefix="umbel-crawler-") as folder:
        place = Place(options["broker"], data) if options["broker"] else Place.embedded(Path(folder), data)
        prepared = Crawl.prepare(name, plan, data)
        if prepared.round > 1:
            click.echo(f"going on with the crawl in {prepared.path}")
        view = display()
        if options["no_workers"]:
            with place.taken(), view:
                return follow(prepared, view, None), prepared.path
        with place.taken(), Fleet(place.broker, data, Path(folder)) as fleet:
            start_workers(fleet, options["nodes"])
            with view:
                return follow(prepared, view, fleet), prepared.path


def _plan(url: str, options: dict[str, Any]) -> Plan:
    start = canonical(url)
    if start is None:
        hint = f"https://{url}" if "://" not in url and canonical(f"https://{url}") else "https://example.com/"
        raise click.BadParameter(f"{url!r} is not an address to start from; write it like {hint}", param_hint="URL")
    try:
        re.compile(options["error_title"])
    except re.error as error:
        raise click.BadParameter(f"not a regular expression: {error}", param_hint="--error-title") from None
    if options["warc"] and find_spec("warcio") is None:
        raise click.UsageError("--warc needs one more package: pip install 'umbel-crawler[warc]'")
    limits = Limits(
        timeout=options["timeout"],
        max_bytes=options["max_bytes"],
        retries=options["retries"],
        agent=options["agent"],
        error_title=options["error_title"],
        keep_body=options["warc"],
    )
    return Plan(
        start=start,
        depth=options["depth"],
        max_pages=options["max_pages"],
        hosts=tuple(host.lower().removeprefix("www.") for host in options["hosts"]),
        per_site=options["per_site"],
        delay=options["delay"],
        limits=limits,
    )


@main.command("search")
@click.argument("name")
@click.argument("words", nargs=-1, required=True)
@click.option("--limit", type=click.IntRange(min=1), default=10, show_default=True, help="Most hits.")
@_data_option
def search_command(name: str, words: Sequence[str], limit: int, data: Path) -> None:
    """Search the pages of a crawl for WORDS."""
    try:
        db = existing(path_of(name, data))
    except CrawlFileError as error:
        raise click.ClickException(str(error)) from None
    for line in report.search(db, " ".join(words), limit):
        click.echo(line)


@main.command("report")
@click.argument("name")
@_data_option
def report_command(name: str, data: Path) -> None:
    """Print the summary of a crawl."""
    try:
        path = path_of(name, data)
        db = existing(path)
    except CrawlFileError as error:
        raise click.ClickException(str(error)) from None
    for line in report.summary(db, Watcher(db).snapshot(), path):
        click.echo(line)
