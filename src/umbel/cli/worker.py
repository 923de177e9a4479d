"""``umbel worker``."""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import click

from .. import health, signals
from ..exceptions import ImproperlyConfigured
from ..inspector import Inspector
from ..pacing import Paced
from ..places import heartbeat_file, node_name
from ..serialization import acceptable, compress
from ..urls import mask_url
from ..utils.time import interval
from ..worker.options import FREQUENCY, PRESETS, Beginning, WorkerOptions
from ..worker.rates import CLUSTER, scope
from ..worker.supervisor import Supervisor
from . import celerys, daemon
from .session import Session, app_option, names

if TYPE_CHECKING:
    from ..app import Umbel

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", "FATAL")


@click.command()
@app_option
@click.option("-n", "--hostname", metavar="NAME", help="Node name; %h, %n and %d expand to host, name and domain.")
@click.option("-c", "--concurrency", metavar="N", help="Tasks at the same time; 'auto' or nothing: one a core.")
@click.option("-P", "--pool", metavar="POOL", help="process (prefork), thread, asyncio or solo.")
@click.option("-Q", "--queues", callback=names, metavar="NAMES", help="Queues to consume, comma-separated.")
@click.option("-X", "--exclude-queues", callback=names, metavar="NAMES", help="Queues to leave out.")
@click.option("-I", "--include", callback=names, metavar="MODULES", help="More modules to import.")
@click.option("-l", "--loglevel", type=click.Choice(LEVELS, case_sensitive=False), default="WARNING", show_default=True)
@click.option("-f", "--logfile", metavar="PATH", help="Log to a file instead of standard error.")
@click.option("--time-limit", type=float, metavar="SECONDS", help="Hard limit of tasks that name none.")
@click.option("--soft-time-limit", type=float, metavar="SECONDS", help="Soft limit of tasks that name none.")
@click.option("--max-tasks-per-child", type=int, metavar="N", help="Replace a child after so many tasks.")
@click.option("--max-memory-per-child", type=int, metavar="KIB", help="Replace a child above this resident size.")
@click.option("--prefetch-multiplier", type=int, metavar="N", help="Cap of the messages held, per slot.")
@click.option("--disable-prefetch", is_flag=True, help="Hold no message that does not run.")
@click.option("--pool-start-method", type=click.Choice(["fork", "spawn"]), help="How children start.")
@click.option("--purge", "--discard", is_flag=True, help="Remove what waits in the queues first.")
@click.option("-D", "--detach", is_flag=True, help="Go on in the background; logs go to a file.")
@click.option("--pidfile", metavar="PATH", help="Keep the process id there; refuse when that one runs.")
@click.option("--uid", metavar="USER", help="Run as this user.")
@click.option("--gid", metavar="GROUP", help="Run as this group.")
@click.option("--umask", metavar="OCTAL", help="Mode mask of new files.")
@click.argument("overrides", nargs=-1, metavar="[-- SETTING=VALUE...]")
@celerys.accept
@click.pass_obj
def worker(session: Session, /, app_name: str | None, **options: Any) -> int:
    """Run tasks until stopped. Words behind two dashes are settings: worker.NAME=VALUE, or .NAME=VALUE.

    \b
    umbel -A proj worker                     one process a core
    umbel -A proj worker -P asyncio -c 200   200 coroutines
    umbel -A proj worker -Q mail,default -l INFO
    umbel -A proj worker -- task.time_limit=60 .prefetch_multiplier=1
    """
    app = session.app(app_name)
    app.config_from_cmdline(options["overrides"], "worker")
    if options["include"]:
        app.conf.update(include=(*app.conf.include, *options["include"]))
    app.import_modules()
    begin(app, options)
    if options["beat"]:
        _check_scheduler(app, options)
    chosen = merge(app, options, app_name or session.name or "")
    daemon.become(options["uid"], options["gid"], options["umask"])
    check(app)
    try:
        return _start(app, chosen, options, quiet=session.quiet)
    except OSError as error:
        if error.filename is None:
            raise
        raise ImproperlyConfigured(f"{error.filename} cannot be used ({error.strerror})") from error


def _start(app: Umbel, chosen: WorkerOptions, options: dict[str, Any], *, quiet: bool) -> int:
    """Everything is known to be fine: purge, say who is here, go to the background, run."""
    node = chosen.hostname
    pidfile, log = daemon.prepared(options, node, app.conf)
    if not quiet:
        click.echo(banner(app, chosen), err=True)
    if options["purge"]:
        with Inspector(app) as inspector:  # closed before the first fork
            count = sum(inspector.purge(queue) for queue in chosen.queues)
        click.echo(f"purge: {count} message{'' if count == 1 else 's'} removed", err=True)
    if daemon.left_behind(options, node, log):
        return 0
    with daemon.written(pidfile), _scheduler(app, chosen, options):
        return Supervisor(app, chosen, options).main()


def _scheduler(app: Umbel, chosen: WorkerOptions, options: dict[str, Any]) -> AbstractContextManager[None]:
    """With ``-B`` a scheduler beside the worker; forked before there are threads and connections."""
    if not options["beat"]:
        return nullcontext()
    # 20 ms and 2 MB that other workers save
    from ..beat import Service, embedded  # noqa: PLC0415 - see above
    from .schedulers import Inside, last_runs, named  # noqa: PLC0415 - see above

    node = f"beat.{chosen.hostname}"
    if named(app, options):
        return embedded(lambda alive: Inside(app, options, node, alive))
    since = last_runs(app, options["schedule_filename"])
    return embedded(lambda alive: Service(app, node, embedded=True, alive=alive, since=since))


def _check_scheduler(app: Umbel, options: dict[str, Any]) -> None:
    """Refuse one that cannot be loaded, or a store that keeps no schedule, before anything starts."""
    from .schedulers import Inside, named  # noqa: PLC0415 - as in `_scheduler`

    if named(app, options):
        Inside(app, options, "", lambda: True).service.get_scheduler(lazy=True)
    else:
        app.coordinator().close()


def begin(app: Umbel, options: dict[str, Any]) -> None:
    """Tell `celeryd_init` before settings and options are merged: a receiver may change both for this node."""
    node = node_name(options["hostname"])
    signals.celeryd_init.send(sender=node, instance=Beginning(node, app), conf=app.conf, options=options)


def check(app: Umbel) -> None:
    """Refuse what cannot work, with a sentence."""
    acceptable(app.conf.accept_content)
    acceptable((app.conf.result_serializer,), "result_serializer")
    for task in app.tasks.values():
        try:
            if interval(task.rate_limit) and scope(task, app.conf) == CLUSTER and not isinstance(app.broker, Paced):
                raise ValueError(
                    f"rate_limit_scope is cluster, and {app.shown_broker_url} keeps no limit for all workers; Redis and"
                    " SQLite do."
                )
        except ValueError as error:
            raise ImproperlyConfigured(f"The task {task.name}: {error}") from error
    if app.conf.result_compression:
        compress(b"", app.conf.result_compression)
    if not app.broker.abilities.shared:
        raise ImproperlyConfigured(
            "memory:// lives inside one process, so a worker of its own would see no task: name no broker to use the"
            " embedded SQLite store, or test with umbel.testing"
        )


def merge(app: Umbel, options: dict[str, Any], app_path: str = "") -> WorkerOptions:
    """Command line over settings over defaults."""
    conf = app.conf
    node = node_name(options["hostname"])
    pool = options["pool"] or conf.worker_pool
    if pool not in PRESETS:
        raise ImproperlyConfigured(f"unknown pool {pool!r}: use one of {', '.join(sorted(set(PRESETS)))}")
    scale = options["autoscale"]
    if scale and PRESETS[pool] not in ("process", "thread"):
        raise ImproperlyConfigured(f"--autoscale is for the pools process and thread, not {pool}: leave it out")
    return WorkerOptions(
        hostname=node,
        pool=PRESETS[pool],
        concurrency=max(1, scale[1])
        if scale
        else _concurrency(options["concurrency"] or conf.worker_concurrency, pool),
        autoscale=scale,
        queues=_queues(app, options["queues"], options["exclude_queues"]),
        time_limit=options["time_limit"] or conf.task_time_limit,
        soft_time_limit=options["soft_time_limit"] or conf.task_soft_time_limit,
        max_tasks_per_child=options["max_tasks_per_child"] or conf.worker_max_tasks_per_child,
        max_memory_per_child=options["max_memory_per_child"] or conf.worker_max_memory_per_child,
        grace=celerys.grace(conf),
        soft_shutdown=conf.worker_soft_shutdown_timeout,
        alive_timeout=conf.worker_proc_alive_timeout,
        async_concurrency=conf.worker_async_concurrency,
        prefetch_multiplier=_held(options, conf),
        app_path=app_path,
        include=options["include"],
        overrides=options["overrides"],
        task_events=bool(options["task_events"] or conf.worker_send_task_events),
        heartbeat=0.0 if options["without_heartbeat"] else options["heartbeat_interval"] or FREQUENCY,
        start_method=options["pool_start_method"] or conf.worker_pool_start_method,
        heartbeat_file=str(heartbeat_file(node)),
    )


def _queues(app: Umbel, wanted: tuple[str, ...], left_out: tuple[str, ...]) -> tuple[str, ...]:
    """`-Q`, else `task_queues`, else the default queue; without what `-X` leaves out. An alias is its queue."""
    declared = app.declared
    known = [declared.consumable(name, lambda: app.broker.abilities.exchanges) for name in wanted or declared.names]
    chosen = tuple(dict.fromkeys(queue.name for queue in known))
    excluded = {declared.unalias(name) for name in left_out}
    left = tuple(name for name in chosen if name not in excluded)
    if not left:
        raise ImproperlyConfigured(f"-X leaves no queue to consume: there is only {', '.join(chosen)}")
    return left


def _held(options: dict[str, Any], conf: Any) -> int:
    """Most messages held for each slot, 0 for umbel's own measure."""
    if options["disable_prefetch"] or conf.worker_disable_prefetch:
        return 1
    if options["prefetch_multiplier"] is not None:
        return int(options["prefetch_multiplier"])
    return int(conf.worker_prefetch_multiplier) if conf.is_explicit("worker_prefetch_multiplier") else 0


def _concurrency(value: Any, pool: str) -> int:
    if PRESETS[pool] == "solo":
        return 1
    if value in (None, "auto"):
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        number = int(value)
    except ValueError:
        number = 0
    if number < 1:
        raise ImproperlyConfigured(f"-c takes a number from 1, or auto, not {value!r}")
    return number


def _size(options: WorkerOptions) -> str:
    if options.autoscale is None:
        return f"-c {options.concurrency}"
    return f"--autoscale {options.autoscale[0]},{options.autoscale[1]}"


def banner(app: Umbel, options: WorkerOptions) -> str:
    """What a person reads first: node, store, pool, queues, tasks."""
    names = sorted(name for name in app.tasks if not name.startswith(("celery.", "umbel.")))
    lines = [
        f"umbel worker {options.hostname} (pid {os.getpid()}, Python {sys.version.split()[0]})",
        f"  app      {app.main}",
        f"  broker   {app.shown_broker_url}",
        f"  results  {mask_url(app.result_url) if app.result_url else 'none'}",
        f"  pool     {options.pool}, {_size(options)}",
        f"  queues   {', '.join(options.queues)}",
        f"  tasks    {', '.join(names[:12]) or 'none'}" + (f" and {len(names) - 12} more" if len(names) > 12 else ""),
        f"  health   {health.FRESH:.0f} s, {options.heartbeat_file}",
        *(f"  note     {departure}" for departure in app.broker.abilities.departures()),
        *celerys.departures(app.conf),
    ]
    return "\n".join(lines)
