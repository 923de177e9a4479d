"""The command line: ``umbel [-A app] COMMAND``.

Commands are imported when they are asked for, so that ``umbel --help`` and ``umbel health`` answer at once. A user's
mistake is one sentence on standard error and an exit code, never a traceback:

    0   done                     64  wrong input (a bad argument, URL or setting)
    1   the command says no      66  the app, task, message or result was not found
    2   wrong usage (click)      69  nobody answered, or the store is not available
    70  an error of umbel's own  77  refused (permission, protected data)
"""

from __future__ import annotations

import os
import sys

import click

from .. import loading
from ..exceptions import ImproperlyConfigured, NotFound, NotRegistered, OperationalError, UmbelError
from .session import Session

COMMANDS = {
    "worker": "umbel.cli.worker:worker",
    "call": "umbel.cli.sending:call",
    "result": "umbel.cli.sending:result",
    "status": "umbel.cli.asking:status",
    "queues": "umbel.cli.store:queues",
    "messages": "umbel.cli.store:messages",
    "inspect": "umbel.cli.asking:inspect",
    "revoke": "umbel.cli.sending:revoke",
    "purge": "umbel.cli.store:purge",
    "dead": "umbel.cli.store:dead",
    "health": "umbel.cli.health:health",
    "report": "umbel.cli.asking:report",
    "shell": "umbel.cli.asking:shell",
}
"""Command name -> where it is defined."""

SETTINGS = {"auto_envvar_prefix": "UMBEL", "help_option_names": ["-h", "--help"], "max_content_width": 110}


class Lazy(click.Group):
    """A group whose commands are imported when they are named."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        path = COMMANDS.get(cmd_name)
        if path is None:
            return None
        command = loading.symbol(path)
        assert isinstance(command, click.Command)
        return command


@click.group(cls=Lazy, context_settings=SETTINGS)
@click.option("-A", "--app", metavar="APP", help="The application: module, module:attribute or package.")
@click.option("-b", "--broker", metavar="URL", help="Broker URL; overrides the app's.")
@click.option("--result-backend", metavar="URL", help="Result backend URL; overrides the app's.")
@click.option("--config", metavar="MODULE", help="Module with settings; overrides the app's.")
@click.option("--workdir", metavar="DIR", help="Change to this directory first.")
@click.option("-C", "--no-color", is_flag=True, help="No colours.")
@click.option("-q", "--quiet", is_flag=True, help="Only what was asked for.")
@click.version_option(package_name="umbel", message="%(version)s")
@click.pass_context
def umbel(
    ctx: click.Context, app: str | None, broker: str | None, result_backend: str | None, config: str | None,
    workdir: str | None, no_color: bool, quiet: bool,
) -> None:  # fmt: skip
    """Run Python functions somewhere else.

    \b
    umbel -A proj worker -c 4           run tasks in four processes
    umbel -A proj call proj.add -a '[2, 3]'
    """
    if workdir:
        os.chdir(workdir)
    ctx.obj = Session(app, broker, result_backend, config, color=not no_color, quiet=quiet)


def main(argv: list[str] | None = None) -> None:
    """The entry point of ``umbel``."""
    sys.exit(run(sys.argv[1:] if argv is None else argv))


def run(argv: list[str]) -> int:
    """Run one command line; returns its exit code."""
    try:
        result = umbel.main(argv, prog_name="umbel", standalone_mode=False)
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.Abort:
        return 130
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (ImproperlyConfigured, OperationalError, UmbelError) as error:
        click.echo(f"umbel: {error}", err=True)
        return code_of(error)
    return result if isinstance(result, int) else 0


def code_of(error: UmbelError) -> int:
    """Exit code for an error of umbel's."""
    if isinstance(error, ImproperlyConfigured):
        return os.EX_USAGE
    if isinstance(error, NotFound | NotRegistered):
        return os.EX_NOINPUT
    return os.EX_UNAVAILABLE if isinstance(error, OperationalError) else 1
