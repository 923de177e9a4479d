"""``umbel status``, ``umbel report`` and ``umbel shell``."""

from __future__ import annotations

import code
import platform
from importlib.metadata import version

import click

from .. import loading
from ..control import Control
from ..urls import mask_url
from . import show
from .remote import nobody
from .session import Session, app_option, names


@click.command()
@app_option
@click.option("-t", "--timeout", type=float, default=1.0, show_default=True, help="Seconds to wait for answers.")
@click.option("-d", "--destination", callback=names, metavar="NODES", help="Ask these nodes only.")
@show.json_option
@click.pass_obj
def status(
    session: Session, /, app_name: str | None, timeout: float, destination: tuple[str, ...], as_json: bool
) -> int:
    """Who is there. Exit code 69 when no worker answers.

    \b
    umbel -A proj status
    umbel -A proj status -t 5 -d w1@example --json
    """
    with Control(session.app(app_name)) as control:
        answers = control.ping(destination or None, timeout)
    nodes = sorted(node for answer in answers for node in answer)
    if as_json:
        show.dump(dict.fromkeys(nodes, "ok"))
    else:
        if nodes and show.drawn():
            show.table(("node", "answer"), [(node, "OK") for node in nodes], nothing="")
        for node in nodes if not show.drawn() else ():
            click.echo(f"{node}: OK")
        if not session.quiet:
            click.echo(f"\n{len(nodes)} node{'' if len(nodes) == 1 else 's'} online.")
    return 0 if nodes else nobody()


@click.command()
@app_option
@show.json_option
@click.pass_obj
def report(session: Session, /, app_name: str | None, as_json: bool) -> None:
    """What to put into a bug report: versions, store and settings, without secrets.

    \b
    umbel -A proj report
    """
    app = session.app(app_name)
    if as_json:
        show.dump({
            "umbel": version("umbel"), "python": platform.python_version(), "platform": platform.platform(),
            "app": app.main, "broker": app.shown_broker_url,
            "results": mask_url(app.result_url) if app.result_url else None, "settings": dict(app.conf.table()),
        })  # fmt: skip
    else:
        head, _, rest = app.report().partition("\n")
        click.echo(f"{head} umbel:{version('umbel')}\n{rest}")


@click.command()
@app_option
@click.option("-I", "--ipython", is_flag=True, help="In IPython, which must be installed.")
@click.option("-B", "--bpython", is_flag=True, help="In bpython, which must be installed.")
@click.option("--python", is_flag=True, help="In Python's own (default).")
@click.option("-T", "--without-tasks", is_flag=True, help="Only the app, not its tasks by name.")
@click.option("--eventlet", is_flag=True, hidden=True)
@click.option("--gevent", is_flag=True, hidden=True)
@click.pass_obj
def shell(
    session: Session, /, app_name: str | None, ipython: bool, bpython: bool, without_tasks: bool, **_: bool
) -> None:
    """A Python shell with `app` and its tasks.

    \b
    umbel -A proj shell
    echo 'print(add.delay(2, 3).id)' | umbel -A proj shell
    """
    app = session.app(app_name)
    app.import_modules()
    names_of = {
        name.rpartition(".")[2]: task for name, task in app.tasks.items() if not name.startswith(("celery.", "umbel."))
    }
    if without_tasks:
        names_of = {}
    if ipython:
        loading.symbol("IPython:start_ipython")(argv=[], user_ns={"app": app, **names_of})
        return
    if bpython:
        loading.symbol("bpython:embed")(locals_={"app": app, **names_of})
        return
    code.interact(banner=f"umbel shell: app, {', '.join(sorted(names_of))}", local={"app": app, **names_of}, exitmsg="")
