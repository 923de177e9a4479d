"""Being a daemon: process id file, another user, no terminal."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from ..exceptions import ImproperlyConfigured
from ..places import expand, state_dir
from ..worker import logs
from . import codes


class AlreadyRunning(click.ClickException):
    """Another worker holds the process id file."""

    exit_code = codes.CANNOT_CREATE


def refuse_second(pidfile: str) -> None:
    """Raise when the process that a file names is alive; a file that a crash left behind is no obstacle."""
    try:
        pid = int(Path(pidfile).read_text())
    except (FileNotFoundError, ValueError):
        return
    if pid != os.getpid() and _alive(pid):
        raise AlreadyRunning(f"{pidfile} names the process {pid}, which runs: stop that worker, or name another file")


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


@contextlib.contextmanager
def written(pidfile: str | None) -> Iterator[None]:
    """The file holds this process's id for as long as the block runs."""
    if pidfile is None:
        yield
        return
    path = Path(pidfile)
    path.write_text(f"{os.getpid()}\n")
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def logfile(options: Mapping[str, Any], node: str) -> str | None:
    """Where logs go: ``-f``, or a file in the state directory in the background; None is standard error."""
    if options["logfile"]:
        return expand(options["logfile"], node)
    if not options["detach"]:
        return None
    folder = state_dir() / "log"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return str(folder / f"{node}.log")


def prepared(options: Mapping[str, Any], node: str, conf: Any) -> tuple[str | None, str | None]:
    """Refuse a second process with the same pid file, and set up the log.

    Returns:
        pid file and log file, None where there is none.
    """
    pidfile = expand(options["pidfile"], node) if options["pidfile"] else None
    if pidfile:
        refuse_second(pidfile)
    written = logfile(options, node)
    color = False if click.get_current_context().find_root().params.get("no_color") else None
    logs.setup(logs.LogOptions(options["loglevel"], written, color), conf)
    return pidfile, written


def left_behind(options: Mapping[str, Any], node: str, log: str | None) -> bool:
    """Go to the background when that is asked for; True in the process that was started, which says so and ends."""
    if not options["detach"] or not (pid := detach()):
        return False
    click.echo(f"{node} runs in the background, pid {pid}, log {log}", err=True)
    return True


def become(user: str | None, group: str | None, umask: str | None) -> None:
    """Change to another user, group and file mode mask.

    Args:
        user, group: name or number; None stays.
        umask: octal, as in 022; None stays.

    Raises:
        ImproperlyConfigured: there is no such user or group, it is not allowed, or the mask is no octal number.
    """
    try:
        if umask is not None:
            os.umask(int(umask, 8))
        account = _account(user) if user else None
        if group or account:
            os.setgid(_group(group) if group else account.pw_gid)  # type: ignore[union-attr]
        if account:
            os.initgroups(account.pw_name, _group(group) if group else account.pw_gid)
            os.setuid(account.pw_uid)
    except KeyError as error:
        raise ImproperlyConfigured(f"{error.args[0]}: name one that this machine knows") from None
    except ValueError:
        raise ImproperlyConfigured(f"--umask takes an octal number such as 022, not {umask!r}") from None
    except PermissionError:
        raise ImproperlyConfigured("only root may start a worker as another user or group") from None


def _account(user: str) -> pwd.struct_passwd:
    return pwd.getpwuid(int(user)) if user.isdigit() else pwd.getpwnam(user)


def _group(group: str) -> int:
    return int(group) if group.isdigit() else grp.getgrnam(group).gr_gid


def detach() -> int:
    """Go on without a terminal, in a session of its own.

    Returns:
        in the process that was started: the id of the one that goes on; in that one: 0.
    """
    pid = os.fork()
    if pid:
        return pid
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    return 0
