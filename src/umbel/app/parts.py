"""Names that Celery's apps have: the app's own kinds of task and result, its control and its clock, and who it is."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC
from typing import TYPE_CHECKING, Any

from .. import result
from ..broker import Owners
from ..claims import Claims
from ..control import Control
from ..coordinator import Coordinator, Overrides
from ..current import running_task
from ..event import Lamport
from ..identity import oid
from ..loading import mask_url
from ..task import Task
from ..task.calls import sending_request
from .stores import Stores

if TYPE_CHECKING:
    from .schedules import Schedules


class Parts:
    """The part of `Umbel` that names them.

    Attributes:
        control_cls: class of `control`.
    """

    control_cls: type[Control] = Control
    _stores: Stores

    @property
    def control(self) -> Control:
        """Remote control: questions to running workers, and changes of them.

        Example:
            >>> app.control.ping(timeout=0.5)   # doctest: +SKIP
            [{'celery@host': {'ok': 'pong'}}]
        """
        app: Any = self
        return self.control_cls(app)

    @property
    def schedules(self) -> Schedules:
        """The periodic tasks while they run: list, add, edit, pause, resume, remove, run now.

        Example:
            >>> app.schedules.pause("nightly")   # doctest: +SKIP
        """
        from .schedules import Schedules  # noqa: PLC0415 - all kinds of schedules: 15 ms for who has none

        app: Any = self
        return Schedules(app)

    def coordinator(self, scope: str | None = None) -> Coordinator:
        """What schedulers of this app agree by, in the store that its messages go to.

        Args:
            scope: name of the schedule; the app's name unless given.

        Raises:
            ImproperlyConfigured: that store cannot do it.
        """
        app: Any = self
        return self._stores.coordinator(scope or app.main or "default", mask_url(app.write_url))

    def result_owners(self) -> Owners | None:
        """What removes expired results from a store that does not do it by itself; None elsewhere."""
        return self._stores.result_owners()

    def claims(self) -> Claims | None:
        """What keeps the claims of messages that run once, beside the results; None where nothing does."""
        return self._stores.claims()

    def overrides(self, scope: str | None = None) -> Overrides:
        """What was changed of this app's schedule at run time; `schedules` is the way to change it.

        Args:
            scope: as of `coordinator`.

        Raises:
            ImproperlyConfigured: as `coordinator`.
        """
        app: Any = self
        return self._stores.overrides(scope or app.main or "default", mask_url(app.write_url))

    @property
    def clock(self) -> Lamport:
        """The logical clock of this process, by which events are ordered."""
        app: Any = self
        ticks: Lamport = app.events.clock
        return ticks

    @property
    def oid(self) -> str:
        """The id of this process, to which a worker sends a result where results are messages."""
        return oid()

    thread_oid = oid
    """The same: any thread may wait for what another one has sent."""

    @property
    def current_task(self) -> Task[..., Any] | None:
        """The running task, None outside of tasks."""
        found: Task[..., Any] | None = running_task()
        return found

    @property
    def current_worker_task(self) -> Task[..., Any] | None:
        """The running task, past those that it calls as functions; None outside of tasks."""
        request = sending_request()
        return None if request is None else request.running

    def ResultSet(self, results: Iterable[Any] | None, **kwargs: Any) -> result.ResultSet:  # noqa: N802 - Celery's name
        """Several results as one."""
        return result.ResultSet(results, app=kwargs.pop("app", self), **kwargs)

    def create_task_cls(self) -> type[Task[..., Any]]:
        """A class like `task_cls`, whose tasks are this app's."""
        app: Any = self
        made: type[Task[..., Any]] = self.subclass_with_self(app.task_cls, "Task", "_app", abstract=True)
        return made

    def subclass_with_self(
        self, Class: Any, name: str | None = None, attribute: str = "app", reverse: str | None = None,  # noqa: N803
        keep_reduce: bool = False, **kw: Any,
    ) -> Any:  # fmt: skip
        """A class like another one that knows this app.

        Args:
            Class: the other one.
            name: of the new class; that of the other one unless given.
            attribute: in which it has the app.
            reverse: accepted; a class is found again by its module and name.
            keep_reduce: the same.
            kw: more attributes.
        """
        return type(name or Class.__name__, (Class,), {attribute: self, "__module__": Class.__module__, **kw})

    def uses_utc_timezone(self) -> bool:
        """Whether the app's time zone is UTC."""
        app: Any = self
        return app.timezone == UTC or str(app.timezone) == "UTC"
