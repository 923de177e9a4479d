"""The panel: which remote control commands a worker knows, by Celery's names, and how a project adds its own.

    from umbel.worker.control import control_command, inspect_command

    @inspect_command(args=[("table", str)], signature="<table>")
    def rows(state, table):
        return {"rows": count(table)}

A command is called in the supervisor, which runs no task, with the `State` of its worker and the request's arguments by
name; what it returns is the answer, and what it raises is answered as ``{"error": ...}``. While it runs the supervisor
does nothing else, so it must be short. A module of the project that defines commands is imported by the worker as its
tasks are (``include``), and by ``umbel inspect`` and ``umbel control``, which show and read what it takes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

if TYPE_CHECKING:
    from ..app import Umbel
    from ..broker import Control
    from .brood import Brood
    from .handles import Consumer, Worker
    from .levers import Levers
    from .options import WorkerOptions
    from .stopping import Stop

Handler = Callable[..., Any]
Kind = Literal["inspect", "control"]


class Info(NamedTuple):
    """What is known of a command; the fields are Celery's.

    Attributes:
        alias: another name, None for none.
        type: "inspect" asks, "control" changes something.
        visible: whether it is listed.
        default_timeout: seconds for which a client waits for answers.
        help: one sentence.
        signature: how its arguments are shown, None when it takes none.
        args: name and type of each argument of the command line.
        variadic: name of the argument that takes all others, None for none.
    """

    alias: str | None
    type: Kind
    visible: bool
    default_timeout: float
    help: str
    signature: str | None
    args: Sequence[tuple[str, Callable[[str], Any]]] | None
    variadic: str | None


class Panel:
    """All commands of this process.

    Attributes:
        data: name or alias -> what is called.
        meta: name -> what is known of it.
    """

    data: ClassVar[dict[str, Handler]] = {}
    meta: ClassVar[dict[str, Info]] = {}

    @classmethod
    def register(cls, *handler: Handler, **facts: Any) -> Any:
        """Add a command: as a decorator with or without facts; see `control_command`."""
        if handler:
            return cls._register(**facts)(*handler)
        return cls._register(**facts)

    @classmethod
    def _register(
        cls, name: str | None = None, alias: str | None = None, type: Kind = "control", visible: bool = True,
        default_timeout: float = 1.0, help: str | None = None, signature: str | None = None,
        args: Sequence[tuple[str, Callable[[str], Any]]] | None = None, variadic: str | None = None,
    ) -> Callable[[Handler], Handler]:  # fmt: skip
        def added(handler: Handler) -> Handler:
            known = name or handler.__name__
            said = help or (handler.__doc__ or "").strip().split("\n")[0]
            cls.data[known] = handler
            cls.meta[known] = Info(alias, type, visible, default_timeout, said, signature, args, variadic)
            if alias:
                cls.data[alias] = handler
            return handler

        return added

    @classmethod
    def listed(cls, kind: Kind) -> dict[str, Info]:
        """The commands of a kind that are shown, by name."""
        return {name: info for name, info in sorted(cls.meta.items()) if info.type == kind and info.visible}


def control_command(**facts: Any) -> Callable[[Handler], Handler]:
    """A command that changes something.

    Args:
        facts: the fields of `Info` by name, and ``name`` where it is not the function's.

    Example:
        >>> @control_command(args=[("level", str)], signature="<level>", visible=False)
        ... def loudness(state, level):
        ...     return {"ok": f"now {level}"}
        >>> Panel.meta.pop("loudness").signature, bool(Panel.data.pop("loudness"))
        ('<level>', True)
    """
    added: Callable[[Handler], Handler] = Panel.register(type="control", **facts)
    return added


def inspect_command(**facts: Any) -> Callable[[Handler], Handler]:
    """A command that only asks; arguments as of `control_command`."""
    added: Callable[[Handler], Handler] = Panel.register(type="inspect", **facts)
    return added


class State:
    """What a command sees of its worker.

    Attributes:
        app: the application.
        hostname: node name.
        tset: Celery's name for `set`, for commands that were written for it.
        consumer: what consumes, as bootsteps have it: ``consumer.controller`` is the worker.
        options: what the worker was asked for.
        control: the supervisor's connection for remote control.
        brood: its children.
        stop: its shutdown.
        levers: what can be changed while it runs.
        since: monotonic time of its start.
        answers: what answers commands about events, by name.
        worker: the worker as bootsteps have it.
        autoscaler: what lets its pool follow its work, None for a pool that does not.
    """

    tset = set

    def __init__(
        self, app: Umbel, options: WorkerOptions, control: Control, brood: Brood, stop: Stop, levers: Levers,
        since: float, answers: Mapping[str, Handler], worker: Worker,
    ) -> None:  # fmt: skip
        self.app = app
        self.hostname = options.hostname
        self.options = options
        self.control = control
        self.brood = brood
        self.stop = stop
        self.levers = levers
        self.since = since
        self.answers = answers
        self.worker = worker
        self.autoscaler = worker.autoscaler

    @property
    def consumer(self) -> Consumer:
        return self.worker.consumer
