"""What a person sees while a crawl runs: a live view in a terminal, plain lines in a pipe or a log."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Collection
from typing import TYPE_CHECKING, Final, Protocol, Self, TextIO

from .watch import Snapshot

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

PLAIN_EVERY: Final = 2.0  # seconds between two lines
NOTES: Final = 6  # newest notes that stay in the live view


class Display(Protocol):
    """A view of a running crawl, used as a context manager."""

    def show(self, snapshot: Snapshot, lost: Collection[str] = ()) -> None:
        """The present moment; `lost` names the nodes that were killed."""

    def note(self, text: str) -> None:
        """Something happened."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...


class Lines:
    """Plain lines, one every two seconds and one for each note."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._next = 0.0

    def show(self, snapshot: Snapshot, lost: Collection[str] = ()) -> None:
        if snapshot.elapsed < self._next and not snapshot.over:
            return
        self._next = snapshot.elapsed + PLAIN_EVERY
        nodes = "  ".join(f"{_short(node.worker)} {node.pages}" for node in snapshot.nodes)
        self._say(
            f"{snapshot.elapsed:6.1f} s  pages {snapshot.pages:5}  queue {snapshot.queue:5}  in flight"
            f" {snapshot.in_flight:2}  errors {snapshot.errors:3}  {snapshot.rate:6.1f} pages/s  {nodes}".rstrip()
        )

    def note(self, text: str) -> None:
        self._say(f"          {text}")

    def _say(self, text: str) -> None:
        print(text, file=self._stream, flush=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        return None


class Terminal:
    """A live view, drawn with rich; the notes stay on the screen when it ends."""

    def __init__(self) -> None:
        # rich costs 60 ms, which a pipe need not pay.
        from rich.console import Console
        from rich.live import Live

        self._console = Console()
        # No thread of rich's own: whoever shows this starts processes meanwhile, and a fork wants one thread.
        self._live = Live(console=self._console, auto_refresh=False)
        self._notes: deque[str] = deque(maxlen=NOTES)
        self._began = time.monotonic()

    def show(self, snapshot: Snapshot, lost: Collection[str] = ()) -> None:
        self._live.update(_picture(snapshot, lost, self._notes), refresh=True)

    def note(self, text: str) -> None:
        self._notes.append(f"{time.monotonic() - self._began:5.1f} s  {text}")

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._live.stop()


def display() -> Display:
    """The view that fits standard output."""
    return Terminal() if sys.stdout.isatty() else Lines()


def _picture(snapshot: Snapshot, lost: Collection[str], notes: Collection[str]) -> Group:
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    counts = Table.grid(padding=(0, 3))
    counts.add_row(
        Text(f"{snapshot.elapsed:.1f} s", style="dim"),
        Text.assemble("pages ", (f"{snapshot.pages}", "bold green")),
        Text.assemble("queue ", (f"{snapshot.queue}", "bold")),
        Text.assemble("in flight ", (f"{snapshot.in_flight}", "bold cyan")),
        Text.assemble("errors ", (f"{snapshot.errors}", "bold red" if snapshot.errors else "dim")),
        Text.assemble((f"{snapshot.rate:.1f}", "bold"), " pages/s"),
    )
    bar = Table.grid()  # the bar alone would not end its line
    bar.add_row(ProgressBar(total=max(1, snapshot.known), completed=snapshot.pages + snapshot.errors, width=72))
    return Group(counts, bar, _node_table(snapshot, lost), *(Text(note, style="yellow") for note in notes))


def _node_table(snapshot: Snapshot, lost: Collection[str]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2), header_style="dim")
    table.add_column("crawler node", min_width=20)
    table.add_column("pages", justify="right")
    table.add_column("errors", justify="right")
    table.add_column("last page", justify="right")
    now = time.time()
    for node in snapshot.nodes:
        name = _short(node.worker)
        gone = name in lost
        state = Text("killed", style="bold red") if gone else Text(f"{max(0.0, now - node.last):.1f} s ago")
        table.add_row(Text(name, style="red" if gone else ""), str(node.pages), str(node.errors), state)
    return table


def _short(worker: str) -> str:
    return worker.partition("@")[0]
