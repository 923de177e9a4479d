"""One connection of one part, and the rules that keep it safe.

1. **The caller drives it.** A call does the connection's input and output itself until its answer is there, so no
   other thread has to run before the caller goes on, and one deadline counts for all of it: resolving the name,
   connecting, TLS, opening, declaring, confirming.
2. **Between calls the pulse drives it** (`pulse`): one thread a process, which looks once a second at links that nobody
   is using, sends their heartbeats and reads what came. So heartbeats go on while a task holds the main thread.
3. **A lock keeps the two apart**: pika's objects may be touched by one thread at a time. `Link` takes it in each of its
   methods; whoever touches a channel himself does so inside ``with link:``. pika's callbacks (deliveries, returns) run
   in whichever thread drives, always with the lock held: they store what came and do nothing else.
4. **A lost connection is opened again at the next use**, at the same server first and then at the others. `Link.life`
   counts the channels: what belongs to an earlier one (delivery tags, consumers) is void. A call under way when the
   connection broke fails; whether the server did it is not known, and only the caller can tell whether to repeat it.
5. **A server that says nothing is dead** after twice the heartbeat: the connection is dropped, not waited for.
6. **In a forked child** the parent's connection is let go of without a word to the server, and never used.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final, Self

from pika.channel import Channel
from pika.exceptions import AMQPError, ChannelClosedByBroker

from ... import clock
from .address import Address
from .dial import Connection, dialled
from .faults import lost, refused, unanswered
from .pulse import watch

Reply = Callable[[Any], None]
"""Called by pika with the server's answer."""

_LATE: Final = "no answer before the deadline"


class Link:
    """A connection of one part, with one channel that is the part's own.

    Args:
        address: where the servers are.
        name: what the server shows as the connection's name.

    Example:
        >>> link = Link(Address.parse("amqp://localhost", {}), "docs")
        >>> link.close()
    """

    def __init__(self, address: Address, name: str = "umbel") -> None:
        self.address = address
        self.life = 0
        """Number of the current channel; 0 before the first one."""
        self._name = name
        self._lock = threading.RLock()
        self._connection: Connection | None = None
        self._channel: Channel | None = None
        self._aside: Channel | None = None
        self._ends: dict[int, Exception] = {}
        self._first = 0
        watch(self)

    def __enter__(self) -> Self:
        """Hold the link: no other thread drives it meanwhile."""
        self._lock.acquire()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Let it go; pika's own complaint about a channel that is closed becomes one of ours."""
        self._lock.release()
        if isinstance(error, AMQPError):
            raise lost(self.address, error) from error

    @property
    def age(self) -> float:
        """Seconds since the server last said anything (its heartbeats count); infinite without a connection."""
        connection = self._connection
        return float("inf") if connection is None else connection.age

    @property
    def blocked(self) -> str:
        """Why the server takes no messages at the moment (`connection.blocked`); empty while it does."""
        connection = self._connection
        return "" if connection is None else connection.blocked

    def until(self, timeout: float | None = None) -> float:
        """The monotonic moment at which a call of that many seconds is given up (the address's own unless given)."""
        return clock.monotonic() + (self.address.timeout if timeout is None else timeout)

    def channel(self, until: float) -> Channel:
        """The part's channel, opened when there is none. To be used inside ``with link:``.

        When `life` is another than before, the channel is a new one: what the part had set up on it (confirms,
        prefetch, consumers) is to be set up again.

        Raises:
            StoreUnavailable: the server cannot be reached in time, or does not let us in.
        """
        with self:
            channel = self._channel
            if channel is None or not channel.is_open or not self._connected():
                channel = self._channel = self._opened(until)
                self.life += 1
            return channel

    def ask(self, start: Callable[[Channel, Reply], Any], until: float, *, aside: bool = False) -> Any:
        """Do one request that has an answer, and wait for it.

        Args:
            start: gets the channel and what pika is to call with the answer.
            until: monotonic moment at which waiting is given up.
            aside: use a channel that may be lost: for requests that the server may refuse, which closes the channel.

        Returns:
            the answer's method, for instance `Queue.DeclareOk`.

        Raises:
            Refused: the server closed the channel over it.
            OperationalError: as `channel`, or no answer came.

        Example::

            found = link.ask(lambda channel, reply: channel.queue_declare("q", passive=True, callback=reply), until)
        """
        with self:
            channel = self._scratch(until) if aside else self.channel(until)
            answers: list[Any] = []
            start(channel, answers.append)
            self.drive(lambda: bool(answers) or channel.is_closed, until, channel=channel)
            if not answers:
                raise self._ended(channel) if channel.is_closed else unanswered(self.address, self._silence())
            return answers[0].method

    def confirming(self, on_confirm: Callable[[Any], Any], on_return: Callable[..., Any], until: float) -> int:
        """Have the server answer for each message that is published on the part's channel.

        Args:
            on_confirm: gets the frame of each answer.
            on_return: gets what pika has of each message that no queue took.
            until: monotonic moment at which it is given up.

        Returns:
            the life of the link in which it does; a channel of another life does not.

        Raises:
            OperationalError: as `ask`.
        """
        lives: list[int] = []

        def start(channel: Channel, reply: Reply) -> None:
            lives.append(self.life)
            channel.add_on_return_callback(on_return)
            channel.confirm_delivery(on_confirm, callback=reply)

        self.ask(start, until)
        return lives[0]

    def post(self, start: bytes, properties: bytes, body: bytes) -> None:
        """Send one message on the part's channel, which `channel` has just returned, without waiting for anything.

        Args:
            start: what `frames.addressed` returned for its exchange and key.
            properties: as `envelope.packed` returns them.
            body: of any size.
        """
        connection, channel = self._connection, self._channel
        if connection is None or channel is None or not channel.is_open:
            raise lost(self.address, "there is no channel")
        connection.post(channel.channel_number, start, properties, body)

    def drive(self, done: Callable[[], bool], until: float, wake: int = -1, *, channel: Channel | None = None) -> bool:
        """Do the connection's input and output until something has happened.

        Args:
            done: asked after each step, whether it has.
            until: monotonic moment at which it ends anyway, after at least one step.
            wake: a descriptor that ends it as soon as it is readable.
            channel: whose end is not an error, unlike that of the part's own.

        Returns:
            what ``done`` said last.

        Raises:
            Refused: the server closed the part's channel.
            StoreUnavailable: the connection is lost.
        """
        with self:
            while not done():
                connection = self._connection
                if connection is None:
                    raise lost(self.address, "there is no connection")
                self._alive(connection)
                own = self._channel
                if own is not None and own.is_closed and own is not channel:
                    raise self._ended(own)
                left = until - clock.monotonic()
                if connection.step(max(left, 0.0), wake) or left <= 0:
                    return done()
            return True

    def beat(self) -> None:
        """For the pulse: heartbeats and news of a link that nobody is using."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            connection = self._connection
            if connection is not None and not connection.is_closed:
                connection.step(0.0)
                connection.step(0.0)  # a heartbeat that became due in the first one
                connection.judge()
        finally:
            self._lock.release()

    def close(self) -> None:
        """Close the connection; the next use opens another. Safe to repeat."""
        with self:
            connection, self._connection = self._connection, None
            self._channel = self._aside = None
            if connection is not None:
                connection.goodbye()

    def drop(self, reason: str) -> None:
        """End the connection without waiting for the server, which may have to be asked again elsewhere."""
        with self:
            connection, self._connection = self._connection, None
            self._channel = self._aside = None
            if connection is not None:
                connection.drop(reason)

    def forked(self) -> None:
        """In a forked child: let go of the parent's connection."""
        self._lock = threading.RLock()  # the parent's may be held by a thread that does not exist here
        connection, self._connection = self._connection, None
        self._channel = self._aside = None
        if connection is not None:
            connection.leave()

    def _connected(self) -> bool:
        connection = self._connection
        if connection is None or connection.is_closed:
            return False
        connection.step(0.0)  # what the server said meanwhile, a farewell for instance
        connection.judge()
        return connection.is_open

    def _opened(self, until: float) -> Channel:
        if not self._connected():
            self.drop("it is lost")
            self._connection, self._first = dialled(self.address, self._name, until, self._first)
        return self._new_channel(until)

    def _new_channel(self, until: float) -> Channel:
        connection = self._connection
        assert connection is not None
        opened: list[Channel] = []
        channel = connection.channel(on_open_callback=opened.append)
        channel.add_on_close_callback(self._note_end)
        while not opened and not channel.is_closed:
            left = until - clock.monotonic()
            if left <= 0:
                self.drop(_LATE)
                raise unanswered(self.address, _LATE)
            connection.step(left)
            self._alive(connection)
        if not opened:
            raise self._ended(channel)
        return channel

    def _scratch(self, until: float) -> Channel:
        self.channel(until)
        if self._aside is None or not self._aside.is_open:
            self._aside = self._new_channel(until)
        return self._aside

    def _alive(self, connection: Connection) -> None:
        connection.judge()
        if connection.is_closed:
            reason = connection.reason
            self.drop("it is lost")
            raise lost(self.address, reason)

    def _ended(self, channel: Channel) -> Exception:
        reason = self._ends.get(channel.channel_number)
        if isinstance(reason, ChannelClosedByBroker):
            return refused(self.address, reason.reply_code, reason.reply_text)
        return lost(self.address, reason if isinstance(reason, AMQPError) else "the channel is closed")

    def _note_end(self, channel: Channel, reason: Exception) -> None:
        self._ends[channel.channel_number] = reason

    def _silence(self) -> str:
        return self.blocked or _LATE
