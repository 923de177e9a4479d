"""Showing data: tables for a terminal, plain columns for a pipe, JSON for programs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import click
import msgspec

json_option: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "-j", "--json", "as_json", is_flag=True, help="Print JSON."
)
"""The option of every command that prints data."""


def drawn() -> bool:
    """Whether tables are drawn: standard output is a terminal."""
    return sys.stdout.isatty()


def dump(value: Any) -> None:
    """Print a value as JSON, indented on a terminal."""
    text = msgspec.json.encode(value, enc_hook=repr)
    click.echo(msgspec.json.format(text, indent=2 if drawn() else 0))


def table(heads: Sequence[str], rows: Sequence[Sequence[Any]], *, nothing: str) -> None:
    """Print rows: a drawn table on a terminal, tab-separated lines with a head in a pipe.

    Args:
        heads: column names.
        rows: cells; anything with a str.
        nothing: the sentence for no rows, on standard error.
    """
    if not rows:
        click.echo(nothing, err=True)
        return
    if not drawn():
        for row in (heads, *rows):
            click.echo("\t".join(" ".join(str(cell).split()) for cell in row))
        return
    from rich.console import Console  # noqa: PLC0415  rich costs 50 ms, which only a drawn table is worth
    from rich.table import Table  # noqa: PLC0415  as above
    from rich.text import Text  # noqa: PLC0415  as above

    picture = Table(box=None, pad_edge=False, header_style="bold", show_header=any(heads))
    for head in heads:
        picture.add_column(head, overflow="fold")
    for row in rows:
        picture.add_row(*(Text(str(cell)) for cell in row))  # a str would be read as markup: [red]
    Console().print(picture)
