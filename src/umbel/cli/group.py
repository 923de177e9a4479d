"""The group of all commands, which are imported when they are named, and what becomes of an error."""

from __future__ import annotations

import os
import traceback
from typing import TYPE_CHECKING

import click

from .. import loading
from ..conf.settings import CELERY_DEFAULTS
from ..exceptions import (
    ImproperlyConfigured,
    NotFound,
    NotRegistered,
    OperationalError,
    QueueNotFound,
    TimeoutError,
    UmbelError,
    UnsupportedPlatform,
)
from ..integrations.celery import install_as_celery
from . import codes, plugins
from .environment import name_variables
from .personal import personal
from .session import Session

if TYPE_CHECKING:
    from ..app import Umbel

COMMANDS = {
    "worker": ("umbel.cli.worker:worker", "Run tasks until stopped."),
    "beat": ("umbel.cli.beat:beat", "Send periodic tasks at their times."),
    "schedule": (
        "umbel.cli.rescheduling:schedule",
        "Periodic tasks: list, next, why; add, edit, pause, resume, run, remove.",
    ),
    "call": ("umbel.cli.sending:call", "Send one task by name; prints its id."),
    "result": ("umbel.cli.sending:result", "Print the result of a task."),
    "status": ("umbel.cli.asking:status", "Who is there."),
    "queues": ("umbel.cli.store:queues", "Sizes of the queues and the age of the oldest message that waits."),
    "messages": ("umbel.cli.store:messages", "Stored messages: list, show, delete."),
    "inspect": ("umbel.cli.remote:inspect", "Ask running workers; a busy worker answers too."),
    "control": ("umbel.cli.remote:control", "Change something in running workers, until they end."),
    "events": ("umbel.cli.events:events", "Watch what workers say of themselves and their tasks."),
    "revoke": ("umbel.cli.sending:revoke", "Revoke tasks."),
    "purge": ("umbel.cli.store:purge", "Remove everything that waits in queues."),
    "drain": ("umbel.cli.drain:drain", "Move work out of the store: back to Celery, or to another store."),
    "dead": ("umbel.cli.store:dead", "Dead letters: list, show, replay, discard."),
    "health": ("umbel.cli.health:health", "Answer a probe: exit code 0 for yes, 1 for no."),
    "report": ("umbel.cli.asking:report", "What to put into a bug report."),
    "shell": ("umbel.cli.asking:shell", "A Python shell with `app` and its tasks."),
}
"""Command name -> where it is defined, and what the list of commands says of it."""

UNIX_ONLY = ("worker", "beat")
"""Commands that need fork()."""

WITHOUT_APP = ("health",)
"""Commands that never import the application: a probe asks every few seconds."""

SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


class Lazy(click.Group):
    """A group whose commands are imported when they are named."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        path, _ = COMMANDS.get(cmd_name, (None, None))
        if path is None:
            return super().get_command(ctx, cmd_name) or plugins.find(cmd_name)
        if cmd_name in UNIX_ONLY and not hasattr(os, "fork"):
            return _elsewhere(cmd_name)
        command = loading.symbol(path)
        assert isinstance(command, click.Command)
        name_variables(command, cmd_name)
        return personal(command, cmd_name) if cmd_name not in WITHOUT_APP else command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            raise click.UsageError(error.message + loading.did_you_mean(args[0], COMMANDS), ctx) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing one."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (_, words) in COMMANDS.items()])
        added = plugins.offered()
        if added:
            with formatter.section("Commands of other packages"):
                formatter.write_text(", ".join(added))


def _elsewhere(name: str) -> click.Command:
    """What stands for a command on a system where it cannot run; its modules cannot even be imported there."""

    def refuse(**_: object) -> None:
        raise UnsupportedPlatform(
            f"umbel {name} runs on Linux and macOS; delay() works here too, and sends to a worker there"
        )

    anything = click.Argument(["anything"], nargs=-1, type=click.UNPROCESSED)
    settings = {"ignore_unknown_options": True}
    return click.Command(name, settings, refuse, [anything], help="Run tasks (Linux and macOS).", add_help_option=False)


@click.group(cls=Lazy, context_settings=SETTINGS)
@click.option("-A", "--app", metavar="APP", help="The application: module, module:attribute or package.")
@click.option("-b", "--broker", metavar="URL", help="Broker URL; overrides the app's.")
@click.option("--result-backend", metavar="URL", help="Result backend URL; overrides the app's.")
@click.option("--config", metavar="MODULE", help="Module with settings; overrides the app's.")
@click.option("--workdir", metavar="DIR", type=click.Path(exists=True, file_okay=False), help="Change there first.")
@click.option("-C", "--no-color", is_flag=True, help="No colours.")
@click.option("-q", "--quiet", is_flag=True, help="Only what was asked for.")
@click.option("--as-celery", is_flag=True, help="In all imports of the app, umbel stands for Celery.")
@click.option("--celery-defaults", is_flag=True, help="Celery's defaults where umbel's differ.")
@click.option("--loader", "_loader", hidden=True, expose_value=False)
@click.option("--skip-checks", "_skip_checks", is_flag=True, hidden=True, expose_value=False)
@click.version_option(package_name="umbel", message="%(version)s")
@click.pass_context
def umbel(
    ctx: click.Context, app: str | None, broker: str | None, result_backend: str | None, config: str | None,
    workdir: str | None, no_color: bool, quiet: bool, as_celery: bool, celery_defaults: bool,
) -> None:  # fmt: skip
    """Run Python functions somewhere else.

    \b
    umbel -A proj worker -c 4           run tasks in four processes
    umbel -A proj call proj.add -a '[2, 3]'
    """
    if workdir:
        os.chdir(workdir)
    if celery_defaults:
        os.environ[CELERY_DEFAULTS] = "1"
    if as_celery:
        install_as_celery()
    ctx.obj = Session(app, broker, result_backend, config, color=not no_color, quiet=quiet, given=ctx.obj)


name_variables(umbel)


def run(argv: list[str], app: Umbel | None = None) -> int:
    """Run one command line, over an app that is there already or that ``-A`` names; returns its exit code."""
    try:
        result = umbel.main(argv, prog_name="umbel", standalone_mode=False, obj=app)
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.Abort as stopped:
        if isinstance(stopped.__cause__, KeyboardInterrupt):
            return codes.INTERRUPTED
        click.echo("Aborted!", err=True)
        return codes.NO
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except UmbelError as error:
        click.echo(f"umbel: {sentence(error)}", err=True)
        return code_of(error)
    except Exception:
        click.echo(traceback.format_exc(), err=True)
        click.echo("umbel: this is an error of umbel's own; please report it with what umbel report prints", err=True)
        return codes.OWN_ERROR
    return result if isinstance(result, int) else 0


def sentence(error: UmbelError) -> str:
    """An error for people; of a KeyError, str() would be a repr."""
    return str(error.args[0]) if isinstance(error, KeyError) and len(error.args) == 1 else str(error)


def code_of(error: UmbelError) -> int:
    """Exit code for an error of umbel's."""
    if isinstance(error, ImproperlyConfigured | QueueNotFound):
        return codes.WRONG_INPUT
    if isinstance(error, NotFound | NotRegistered):
        return codes.NOT_FOUND
    return codes.UNAVAILABLE if isinstance(error, OperationalError | TimeoutError) else codes.NO
