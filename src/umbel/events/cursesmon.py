"""The monitor on a terminal: tasks and workers as their events tell them. Keys and layout are those of Celery's.

    j k, arrows   select a task           i, Enter   all that is known of it         t   its traceback
    r   its result                        c   revoke it                              l   a rate limit for its name
    ^C  end

One thread receives; the main one draws and reads keys, ten times a second and at each key. What is drawn is reckoned
first (`listed`, `footer`, `detail`), as lines of text, and then put where there is room.
"""

from __future__ import annotations

import curses
import logging
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from itertools import islice
from textwrap import wrap
from typing import Any, ClassVar, Final

from .. import clock, states
from ..exceptions import UmbelError
from .records import Task
from .source import Source, current_events
from .state import State

UUID: Final = 36
STATE: Final = 8
TIME: Final = 8
LEFT: Final = 3
FOOTER: Final = 6
"""Lines below the tasks."""

HELP: Final = "j:down k:up i:info t:traceback r:result c:revoke l:rate limit ^c:quit"
_COLORS: Final = {"red": 2, "green": 3, "magenta": 4, "yellow": 6}
_OF_STATE: Final = {
    **dict.fromkeys(states.EXCEPTION_STATES, "red"), states.SUCCESS: "green", states.REVOKED: "magenta",
    states.STARTED: "yellow",
}  # fmt: skip


def cut(text: str | None, width: int) -> str:
    """A text in so many columns.

    Example:
        >>> cut("abcdefgh", 6), cut("abc", 6), cut(None, 6)
        ('abc...', 'abc   ', '???   ')
    """
    known = "???" if text is None else text
    return (known if len(known) <= width else f"{known[: max(0, width - 3)]}..."[:width]).ljust(width)


def cut_name(name: str | None, width: int) -> str:
    """The name of a task in so many columns: what is cut is its module.

    Example:
        >>> cut_name("proj.deep.tasks.send", 14)
        'proj.de[.]send'
    """
    if name is None or len(name) <= width:
        return cut(name, width)
    module, _, last = name.rpartition(".")
    return f"{module[: max(0, width - len(last) - 3)]}[.]{last}"[:width].ljust(width)


def row(width: int, uuid: str, worker: str | None, name: str | None, time: str, state: str) -> str:
    """One line of the list.

    Args:
        width: columns that it may have.
    """
    rest = max(20, width - STATE - TIME - 4)
    wide = min(UUID, max(8, rest - 33))
    of_name = (rest - wide + 1) // 2
    parts = (cut(uuid, wide), cut(worker, rest - wide - of_name), cut_name(name, of_name), cut(time, TIME))
    return f"{' '.join(parts)} {cut(state, STATE)}"[:width]


def listed(tasks: list[Task], width: int) -> list[str]:
    """The lines of tasks."""
    return [
        row(
            width, str(task.uuid), task.worker.hostname if task.worker else "*NONE*", task.name,
            datetime.fromtimestamp(task.timestamp or clock.wall(), UTC).strftime("%H:%M:%S"), task.state,
        )
        for task in tasks
    ]  # fmt: skip


def detail(task: Task, width: int) -> list[str]:
    """All that is known of a task, its arguments first."""
    info = task.info(extra=["state"])
    lines = []
    for name in ("args", "kwargs", *(one for one in info if one not in ("args", "kwargs"))):
        found = wrap(str(info.get(name)), max(10, width - 6)) or [""]
        if len(found) == 1:
            lines.append(f"{name}: {found[0]}")
        else:
            lines += [f"{name}:", *(f"    {line}" for line in found)]
    return lines


class CursesMonitor:
    """See the module.

    Args:
        state: what is drawn.
        app: the application, for revoking and rate limits.
        keymap: key -> what it does, beside or in the place of the usual ones.
    """

    keymap: ClassVar[Mapping[str, Callable[[], Any]]] = {}
    screen_delay = 100
    """Milliseconds until it is drawn again."""
    greet = "umbel events"
    win: Any = None
    note = ""

    def __init__(self, state: State, app: Any, keymap: Mapping[str, Callable[[], Any]] | None = None) -> None:
        self.app = app
        self.state = state
        self.selected_task: str | None = None
        self.keys: dict[str, Callable[[], Any]] = {
            "J": self.move_selection_down, "K": self.move_selection_up, "C": self.revoke_selection,
            "T": self.selection_traceback, "R": self.selection_result, "I": self.selection_info,
            "L": self.selection_rate_limit, **(keymap or self.keymap),
        }  # fmt: skip
        self._alias = {
            "KEY_DOWN": "J", "KEY_UP": "K", "KEY_ENTER": "I", "\n": "I", "\r": "I",
        }  # fmt: skip

    # What there is

    @property
    def tasks(self) -> list[Task]:
        """The tasks that there is room for, the newest first."""
        room = max(1, self._size()[0] - FOOTER - 4)
        newest = islice(self.state.tasks_by_time(), room)
        found: list[Task] = self.state.freeze_while(lambda: [task for _, task in newest])
        return found

    @property
    def workers(self) -> list[str]:
        """Names of the workers that are alive."""
        return sorted(worker.hostname for worker in self.state.workers.values() if worker.alive and worker.hostname)

    @property
    def selected(self) -> Task | None:
        """The task that is selected."""
        found: Task | None = self.state.tasks.get(self.selected_task) if self.selected_task else None
        return found

    def footer(self, width: int) -> list[tuple[str, str]]:
        """The lines below the tasks, each with its title."""
        task, workers = self.selected, self.workers
        if task is None:
            chosen = ("", "No task selected")
        else:
            info = " ".join(f"{name}={value}" for name, value in task.info().items())
            chosen = ("Selected: ", cut(info or "Missing extended info", max(10, width - 11)).rstrip())
        counts = f"events: {self.state.event_count} tasks:{self.state.task_count}"
        alive = f"{counts} workers:{len(workers)}/{len(self.state.workers)}"
        return [
            chosen, ("Workers online: ", ", ".join(workers)) if workers else ("", "No workers discovered."),
            ("Info: ", f"{alive} {self.note}".rstrip()), ("Keys: ", HELP),
        ]  # fmt: skip

    # Drawing

    def init_screen(self) -> None:
        """Take over the terminal."""
        self.win = curses.initscr()
        curses.noecho()
        curses.cbreak()
        self.win.keypad(True)
        if curses.has_colors():
            curses.start_color()
            curses.use_default_colors()
            for name, number in _COLORS.items():
                curses.init_pair(number, getattr(curses, f"COLOR_{name.upper()}"), -1)

    def resetscreen(self) -> None:
        """Give the terminal back."""
        self.win.keypad(False)
        curses.nocbreak()
        curses.echo()
        curses.endwin()

    def draw(self) -> None:
        """Draw everything."""
        height, columns = self._size()
        width = columns - LEFT - 1
        tasks = self.tasks
        self.win.erase()
        self._put(1, self.greet, curses.A_DIM)
        self._put(3, row(width, "UUID", "WORKER", "TASK", "TIME", "STATE"), curses.A_BOLD | curses.A_UNDERLINE)
        for line, (task, text) in enumerate(zip(tasks, listed(tasks, width), strict=True), 4):
            chosen = curses.A_STANDOUT if task.uuid == self.selected_task else curses.A_NORMAL
            self._put(line, text, chosen | self._color(_OF_STATE.get(task.state, "")))
        self._put(height - FOOTER, "-" * width, curses.A_DIM)
        for line, (title, text) in enumerate(self.footer(width), height - FOOTER + 1):
            self._put(line, title, curses.A_BOLD)
            self._put(line, text, curses.A_NORMAL, LEFT + len(title))
        self.win.refresh()

    def _put(self, line: int, text: str, style: int, column: int = LEFT) -> None:
        height, columns = self._size()
        if 0 <= line < height and column < columns - 1:
            self.win.addnstr(line, column, text.replace("\0", ""), columns - 1 - column, style)

    def _size(self) -> tuple[int, int]:
        size: tuple[int, int] = self.win.getmaxyx()
        return size

    def _color(self, name: str) -> int:
        return curses.color_pair(_COLORS[name]) if name and curses.has_colors() else 0

    # Keys

    def handle_keypress(self) -> None:
        """Wait a moment for a key, and do what it says."""
        self.win.timeout(self.screen_delay)
        try:
            key = self.win.getkey()
        except curses.error:  # none came
            return
        act = self.keys.get(self._alias.get(key) or key.upper())
        if act is not None:
            act()

    def alert(self, title: str, lines: list[str]) -> None:
        """Show something until a key is pressed."""
        self.win.erase()
        self._put(2, title, curses.A_BOLD | curses.A_UNDERLINE)
        for line, text in enumerate(lines[: max(1, self._size()[0] - 6)], 4):
            self._put(line, text, curses.A_NORMAL)
        self._put(self._size()[0] - 1, "Press any key to continue...", curses.A_BOLD)
        self.win.refresh()
        self.win.timeout(-1)
        self.win.getch()

    def move_selection_up(self) -> None:
        """Select the task above."""
        self.move_selection(-1)

    def move_selection_down(self) -> None:
        """Select the task below."""
        self.move_selection(1)

    def move_selection(self, direction: int = 1) -> None:
        """Select another task; the first one when none was."""
        ids = [str(task.uuid) for task in self.tasks]
        if not ids:
            return
        here = ids.index(self.selected_task) + direction if self.selected_task in ids else 0
        self.selected_task = ids[here % len(ids)]

    def selection_info(self) -> None:
        """Show all that is known of the selected task."""
        task = self.selected
        if task is not None:
            self.alert(f"Task details for {task.uuid}", detail(task, self._size()[1]))

    def selection_traceback(self) -> None:
        """Show its traceback."""
        task = self.selected
        if task is None or task.state not in states.EXCEPTION_STATES:
            curses.beep()
        else:
            lines = str(task.traceback or task.exception or "").splitlines()
            self.alert(f"Task Exception Traceback for {task.uuid}", lines)

    def selection_result(self) -> None:
        """Show what it returned, or raised."""
        task = self.selected
        if task is None:
            curses.beep()
        else:
            text = task.result if task.result is not None else task.exception
            self.alert(f"Task Result for {task.uuid}", wrap(str(text or ""), self._size()[1] - 6))

    def revoke_selection(self) -> None:
        """Revoke it, and show what workers answer."""
        if self.selected_task is None:
            curses.beep()
        else:
            chosen = self.selected_task
            self._asked(lambda: self.app.control.revoke(chosen, reply=True))

    def selection_rate_limit(self) -> None:
        """Ask for a rate limit of its name, and show what workers answer."""
        task = self.selected
        if task is None or not task.name:
            curses.beep()
            return
        title = "New rate limit: "
        line = self._size()[0] - 1
        self._put(line, title, curses.A_BOLD)
        limit = self.readline(line, LEFT + len(title)).strip()
        if limit:
            self._asked(lambda: self.app.control.rate_limit(task.name, limit, reply=True))

    def readline(self, x: int, y: int) -> str:
        """What is typed, up to Enter; Celery's names for line and column."""
        self.win.timeout(-1)
        curses.echo()
        try:
            typed: bytes = self.win.getstr(x, y, 20)
        finally:
            curses.noecho()
        return typed.decode("utf-8", "replace")

    def _asked(self, ask: Callable[[], list[dict[str, Any]]]) -> None:
        """Ask workers, and show their answers."""
        try:
            replies = ask()
        except UmbelError as error:
            self.alert("Remote Control Command Replies", wrap(str(error), self._size()[1] - 6))
            return
        lines = [
            f"{node}: {answer.get('error') or answer.get('ok') or answer}"
            for reply in replies
            for node, answer in reply.items()
        ]
        self.alert("Remote Control Command Replies", lines or ["No replies received in 1s deadline."])


class _Notes(logging.Handler):
    """What would be logged over the drawing is shown in it."""

    def __init__(self, display: CursesMonitor) -> None:
        super().__init__(logging.WARNING)
        self._display = display

    def emit(self, record: logging.LogRecord) -> None:
        self._display.note = record.getMessage()


def evtop(app: Source | None = None) -> None:
    """Draw what workers say until interrupted."""
    app = app or current_events()
    state = app.events.State()
    display = CursesMonitor(state, app)
    notes, logger = _Notes(display), logging.getLogger("umbel")
    receiver = app.events.Receiver(handlers={"*": state.event})
    logger.addHandler(notes)
    display.init_screen()
    try:
        threading.Thread(target=receiver.capture, name="events", daemon=True).start()
        while True:
            display.draw()
            display.handle_keypress()
    except KeyboardInterrupt:
        return
    finally:
        receiver.should_stop = True
        display.resetscreen()
        logger.removeHandler(notes)
