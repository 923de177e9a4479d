"""What programs ask of a broker by kombu's names: how much waits in a queue, and whether anybody answers.

    with app.connection_or_acquire() as connection:
        waiting = connection.default_channel.queue_declare(queue="mail", passive=True).message_count

Nothing is sent or received by it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any, NamedTuple

from ..broker import Broker
from ..exceptions import ImproperlyConfigured
from ..routing import Exchange, Queue


class queue_declare_ok_t(NamedTuple):  # noqa: N801 - the name that it has in AMQP's libraries
    """What is known of a queue.

    Attributes:
        queue: its name.
        message_count: messages that wait to be claimed; delayed and claimed ones are not among them.
        consumer_count: workers that consume it.
    """

    queue: str
    message_count: int
    consumer_count: int


class Channel:
    """Asks a broker.

    Args:
        connection: of which it is a channel.
        opened: gives the broker.
    """

    def __init__(self, connection: Any, opened: Callable[[], Broker]) -> None:
        self.connection = connection
        self._opened = opened

    def queue_declare(self, queue: str = "", passive: bool = False, **kwargs: Any) -> queue_declare_ok_t:
        """How much waits in a queue.

        Args:
            queue: its name.
            passive: must be True: a queue is made by whoever sends to it or consumes it.
            kwargs: accepted, kombu's.

        Raises:
            ImproperlyConfigured: it should be made.
            OperationalError: the broker does not answer.
        """
        if not passive:
            raise ImproperlyConfigured(
                "A queue is made when something is sent to it, or a worker consumes it: name it in task_queues, and "
                "ask for its size with passive=True."
            )
        broker = self._opened()
        with closing(broker.shelf()) as shelf:
            waiting = sum(one.ready for one in shelf.counts() if one.queue == queue)
        with closing(broker.owners()) as owners:
            consumers = sum(one.role == "supervisor" and queue in _queues(one.info) for one in owners.roll())
        return queue_declare_ok_t(queue, waiting, consumers)

    def queue_purge(self, queue: str, **kwargs: Any) -> int:
        """Remove what waits in a queue, and what is delayed; returns how many messages.

        Args:
            queue: its name.
            kwargs: accepted, kombu's.
        """
        with closing(self._opened().shelf()) as shelf:
            return shelf.purge(queue)

    def close(self) -> None:
        """Nothing is held."""


def _queues(info: dict[str, object]) -> list[Any]:
    found = info.get("queues")
    return found if isinstance(found, list) else []


class AMQP:
    """``app.amqp``: what the settings declare.

    Args:
        app: the application.
    """

    def __init__(self, app: Any) -> None:
        self.app = app

    @property
    def queues(self) -> dict[str, Queue]:
        """The queues of `task_queues`, or the default one, by name: a copy, because the settings are what counts."""
        return dict(self.app.declared.queues)

    @property
    def default_queue(self) -> Queue:
        """The queue of tasks that nothing else routes."""
        declared = self.app.declared
        found: Queue = declared.find(declared.default_queue)
        return found

    @property
    def default_exchange(self) -> Exchange:
        """The exchange of queues that name none."""
        found: Exchange = self.app.declared.default_exchange
        return found


class ConnectionPool:
    """``app.pool``: gives connections, which hold nothing, so there is no end to them.

    Args:
        app: the application.
    """

    def __init__(self, app: Any) -> None:
        self._app = app

    @property
    def limit(self) -> int | None:
        """`broker_pool_limit`; nothing is limited by it."""
        limit: int | None = self._app.conf.broker_pool_limit
        return limit

    def acquire(self, block: bool = False, timeout: float | None = None) -> Any:
        """A connection; see `Connection`.

        Args:
            block, timeout: accepted, kombu's: there is always one.
        """
        return self._app.connection_for_write()

    def release(self, resource: Any) -> None:
        """Give a connection back."""
        resource.release()

    def force_close_all(self, close_pool: bool = False) -> None:
        """Close what the app has open; it is opened again when it is needed. For programs that fork.

        Args:
            close_pool: accepted, kombu's.
        """
        self._app.close()
