"""Commands that other packages add to Celery's command line (entry points ``celery.commands``)."""

from __future__ import annotations

import pytest

from tests.conftest import Project

SHOP = "from umbel import Umbel\napp = Umbel('shop', broker='redis://:secret@127.0.0.1:1/0')\n"
COMMAND = """
import click
from celery.bin.base import CeleryCommand
from celery import current_app

@click.command(cls=CeleryCommand, context_settings={"ignore_unknown_options": True})
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def greet(ctx, words):
    with ctx.obj.app.connection() as connection:
        ctx.obj.echo(f"{ctx.obj.app.main} {connection.as_uri()} {words} {ctx.obj.quiet}")
    ctx.obj.secho("blue", fg="blue")
    ctx.obj.error(ctx.obj.style("red", fg="red"))
"""


@pytest.fixture
def greeting(project: Project) -> Project:
    """A project beside a package that adds the commands ``greet`` and ``broken``."""
    project.write("shop.py", SHOP)
    project.write("greeting.py", COMMAND)
    project.write("greeting-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: greeting\nVersion: 1\n")
    project.write(
        "greeting-1.dist-info/entry_points.txt",
        "[celery.commands]\ngreet = greeting:greet\nbroken = greeting.nowhere:it\n",
    )
    return project


def test_it_gets_the_application_and_its_words(greeting: Project):
    done = greeting.umbel("-q", "-A", "shop", "greet", "--port=5", "on")
    assert done.stdout == "shop redis://:**@127.0.0.1:1/0 ('--port=5', 'on') True\nblue\n", done.stderr
    assert done.stderr == "red\n"


def test_without_an_application_it_gets_one_over_the_broker_that_was_named(greeting: Project):
    done = greeting.umbel("--broker", "redis://127.0.0.1:2/0", "greet")
    assert done.stdout.startswith("default redis://127.0.0.1:2/0 () False\n"), done.stderr


def test_it_is_listed_and_may_be_added_by_hand(greeting: Project):
    listed = greeting.umbel("--help").stdout
    assert listed.index("Commands of other packages") < listed.index("greet")
    code = (
        "import umbel; umbel.install_as_celery()\nfrom greeting import greet\n"
        "from celery.bin.celery import celery, main\ncelery.add_command(greet, 'other')\nmain(['-A', 'shop', 'other'])"
    )
    assert greeting.python(code).stdout.startswith("shop redis")


def test_one_that_cannot_be_imported_is_a_sentence(greeting: Project):
    done = greeting.umbel("-A", "shop", "broken")
    assert done.returncode == 64
    assert "The command 'broken' of another package cannot be imported: " in done.stderr
    assert len(done.stderr.splitlines()) == 1
