"""Bootsteps: parts of your own that live as long as a worker: a probe, a server for metrics, a client of another queue.

    from umbel import bootsteps

    class Probe(bootsteps.StartStopStep):
        def start(self, worker):
            self.entry = worker.timer.call_repeatedly(1.0, touch, ("/tmp/alive",))

        def stop(self, worker):
            self.entry.cancel()

    app.steps["worker"].add(Probe)       its `parent` is the worker
    app.steps["consumer"].add(...)       its `parent` is what consumes: started when the store has answered

They run in the supervisor, beside all tasks and never within one, in this order:

    made, include_if, create    before the first process is forked: what they change in the program, children find
    start                       in the order of `requires`; worker's, then consumer's, then the children are started
    close, stop or terminate    in the reverse order: consumer's when the shutdown begins, worker's after the children
    shutdown                    of the consumer's, at the very end

A step that cannot be made or started ends the worker before it claims anything; what fails at the end is logged.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterable
from graphlib import CycleError, TopologicalSorter
from typing import Any, ClassVar, Final

from .exceptions import ImproperlyConfigured
from .loading import symbol

logger = logging.getLogger("umbel.worker")

RUN: Final = 1
CLOSE: Final = 2
TERMINATE: Final = 3
_STATES: Final = {0: "initializing", RUN: "running", CLOSE: "closing", TERMINATE: "terminating"}
_PARTS: Final = ("celery.worker.", "celery.apps.")
"""What the names of Celery's own steps begin with; what stands for them here is there before any step."""


class Step:
    """A part of a worker.

    Args:
        parent: the worker, or what consumes.
        kwargs: the options of the command line, by name; those of `app.user_options` among them. A class that takes
            only some of them gets only those.

    Attributes:
        name: "module.Class" unless given; two steps of one name are one.
        label: for people.
        requires: steps that are started before it, as classes or import paths. Those of Celery's own count as there.
        enabled: False leaves it out.
        last: started after all others.
    """

    name: str = "umbel.bootsteps.Step"
    label: str | None = None
    conditional: bool = False
    requires: ClassVar[Iterable[Any]] = ()
    enabled: bool = True
    last: bool = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not cls.__dict__.get("name"):
            cls.name = f"{cls.__module__}.{cls.__qualname__}"

    def __init__(self, parent: Any, **kwargs: Any) -> None: ...

    def include_if(self, parent: Any) -> bool:
        """Whether it is wanted."""
        return self.enabled

    def include(self, parent: Any) -> bool:
        """Create it if it is wanted; returns whether it is."""
        wanted = self.include_if(parent)
        if wanted:
            self.create(parent)
        return wanted

    def create(self, parent: Any) -> Any:
        """Make what it is about; may return an object with ``start`` and ``stop``."""

    def info(self, obj: Any) -> dict[str, Any] | None:
        """What `inspect stats` shows of it."""

    @property
    def alias(self) -> str:
        """Its name for people."""
        return self.label or self.name.rpartition(".")[2]

    def __repr__(self) -> str:
        return f"<step: {self.alias}>"


class StartStopStep(Step):
    """A part that is started and stopped.

    Attributes:
        obj: what `create` has returned; started and stopped unless the methods are replaced.
    """

    obj: Any = None

    def include(self, parent: Any) -> bool:
        """Create it if it is wanted, and have it started and stopped."""
        wanted = self.include_if(parent)
        if wanted:
            self.obj = self.create(parent)
            parent.steps.append(self)
        return wanted

    def start(self, parent: Any) -> Any:
        """Begin."""
        return self.obj.start() if self.obj else None

    def close(self, parent: Any) -> Any:
        """The shutdown begins."""

    def stop(self, parent: Any) -> Any:
        """End."""
        return self.obj.stop() if self.obj else None

    def terminate(self, parent: Any) -> Any:
        """End at once: the operator does not want to wait."""
        return getattr(self.obj, "terminate", self.obj.stop)() if self.obj else None


class ConsumerStep(StartStopStep):
    """A part that consumes messages of its own over ``consumer.connection``.

    `get_consumers` is given a channel of that connection, and returns objects with ``consume``, ``cancel`` and
    ``channel``, such as kombu's consumers.
    """

    requires = ("celery.worker.consumer:Connection",)
    consumers: Any = None

    def get_consumers(self, channel: Any) -> Iterable[Any]:
        """What is to consume; a subclass defines it."""
        raise TypeError(f"{self.alias} has no get_consumers(channel), which every ConsumerStep defines.")

    def start(self, parent: Any) -> None:
        """Open a channel, and consume.

        Raises:
            ImproperlyConfigured: the connection has no channels, as that of umbel's workers.
        """
        channel = getattr(parent.connection, "channel", None)
        if channel is None:
            raise ImproperlyConfigured(
                f"{self.alias} has no channel to consume from, because this worker has no kombu connection: consume"
                " with a client of your own in start() of a StartStopStep, or send tasks."
            )
        self.consumers = [*(self.get_consumers(channel()) or ())]
        for consumer in self.consumers:
            consumer.consume()

    def stop(self, parent: Any) -> None:
        """Consume no more, and close the channels."""
        self._end(cancel=True)

    def shutdown(self, parent: Any) -> None:
        """Close the channels."""
        self._end(cancel=False)

    def _end(self, *, cancel: bool) -> None:
        consumers, self.consumers = self.consumers or [], None
        for consumer in consumers:
            if cancel:
                _quietly(consumer.cancel)
        for channel in {consumer.channel for consumer in consumers if consumer.channel}:
            _quietly(channel.close)


def _quietly(function: Callable[[], Any]) -> None:
    try:
        function()
    except Exception as error:  # its connection may be gone already
        logger.debug("A consumer could not be ended: %r", error)


class Blueprint:
    """Steps, put in order, started and stopped together.

    Args:
        steps: classes, or import paths of classes.
        name: for people.
        on_start, on_close, on_stopped: called when they are about to be started, or closed, and when all have stopped.

    Example:
        >>> class Parent:
        ...     steps = []
        >>> class Hello(StartStopStep):
        ...     def start(self, parent):
        ...         print("hello")
        >>> Blueprint([Hello]).apply(Parent()).start(Parent)
        hello
    """

    def __init__(
        self, steps: Iterable[Any] | None = None, name: str | None = None, on_start: Callable[[], Any] | None = None,
        on_close: Callable[[], Any] | None = None, on_stopped: Callable[[], Any] | None = None,
    ) -> None:  # fmt: skip
        self.name = name or type(self).__name__
        self.types = set(steps or ())
        self.on_start = on_start
        self.on_close = on_close
        self.on_stopped = on_stopped
        self.steps: dict[str, Any] = {}
        self.order: list[Step] = []
        self.state = 0
        self.started = 0

    def apply(self, parent: Any, **kwargs: Any) -> Blueprint:
        """Make the steps in their order, and include those that are wanted.

        Raises:
            ImproperlyConfigured: they require each other in a circle, or one of them is no step.
        """
        self.order = [kind(parent, **_accepted(kind, kwargs)) for kind in self._ordered()]
        self.steps = {step.name: step for step in self.order}
        for step in self.order:
            step.include(parent)
        return self

    def _ordered(self) -> list[Any]:
        kinds: dict[str, Any] = {}
        needs: dict[str, list[str]] = {}
        waiting = sorted((_resolved(step) for step in self.types), key=lambda kind: str(kind.name))
        while waiting:
            kind = waiting.pop(0)
            if kind.name not in kinds:
                kinds[kind.name] = kind
                required = [_resolved(one) for one in kind.requires if not _is_there(one)]
                needs[kind.name] = sorted(one.name for one in required)
                waiting += required
        for name in [name for name, kind in kinds.items() if kind.last]:
            needs[name] += [other for other, kind in kinds.items() if not kind.last]
        try:
            return [kinds[name] for name in TopologicalSorter(needs).static_order()]
        except CycleError as error:
            raise ImproperlyConfigured(
                f"Bootsteps require each other in a circle: {', '.join(error.args[1])}"
            ) from None

    def start(self, parent: Any) -> None:
        """Start all, in order."""
        self.state = RUN
        if self.on_start:
            self.on_start()
        for step in parent.steps:
            self.started += 1
            step.start(parent)

    def close(self, parent: Any) -> None:
        """Tell all that the shutdown begins."""
        if self.on_close:
            self.on_close()
        self.send_all(parent, "close", reverse=False, propagate=False)

    def restart(
        self, parent: Any, method: str = "stop", description: str = "restarting", propagate: bool = False
    ) -> None:
        """Stop all, so that they can be started again."""
        self.send_all(parent, method, description, propagate=propagate)
        self.started = 0

    def stop(self, parent: Any, close: bool = True, terminate: bool = False) -> None:
        """Stop what was started, the last first; safe to repeat."""
        if self.state in (CLOSE, TERMINATE):
            return
        if close:
            self.close(parent)
        self.state = CLOSE
        self.send_all(parent, "terminate" if terminate else "stop", propagate=False)
        if self.on_stopped:
            self.on_stopped()
        self.state = TERMINATE

    def shutdown(self, parent: Any) -> None:
        """Tell all that this is the end."""
        self.send_all(parent, "shutdown", propagate=False)

    def send_all(
        self, parent: Any, method: str, description: str | None = None, reverse: bool = True, propagate: bool = True,
        args: tuple[Any, ...] = (),
    ) -> None:  # fmt: skip
        """Call a method of all steps that were started and have it.

        Args:
            description: for the log.
            reverse: the last first.
            propagate: raise what one raises; otherwise it is logged.
            args: more arguments.
        """
        started = parent.steps[: self.started]
        for step in reversed(started) if reverse else started:
            function = getattr(step, method, None)
            if function is None:
                continue
            try:
                function(parent, *args)
            except Exception:
                if propagate:
                    raise
                logger.exception("The bootstep %s failed while %s", step.alias, description or f"in {method}()")

    def info(self, parent: Any) -> dict[str, Any]:
        """What all of them say of themselves."""
        found: dict[str, Any] = {}
        for step in self.order:
            found.update(step.info(parent) or {})
        return found

    def human_state(self) -> str:
        """In a word: initializing, running, closing or terminating."""
        return _STATES[self.state]

    @property
    def alias(self) -> str:
        """Its name for people."""
        return self.name.rpartition(".")[2]

    def __getitem__(self, name: str) -> Any:
        return self.steps[name]

    def __len__(self) -> int:
        return len(self.steps)


def _resolved(step: Any) -> Any:
    found = symbol(step) if isinstance(step, str) else step
    if not (isinstance(found, type) and issubclass(found, Step)):
        raise ImproperlyConfigured(f"{step!r} is no bootstep: derive its class from umbel.bootsteps.Step.")
    return found


def _is_there(required: Any) -> bool:
    return isinstance(required, str) and required.startswith(_PARTS)


def _accepted(kind: Any, options: dict[str, Any]) -> dict[str, Any]:
    """The options that a step takes."""
    parameters = inspect.signature(kind.__init__).parameters
    if any(one.kind is one.VAR_KEYWORD for one in parameters.values()):
        return options
    return {name: value for name, value in options.items() if name in parameters}
