"""Where the answers to the calls of one process arrive: a queue of its own, read by a thread of its own.

    delay() --message, reply_to=queue--> worker --document, correlation_id=task id--> queue --> thread --> letters
                                                                                                             |
                                                                       get(), in any thread: look, be woken <--

The queue is declared as Celery declares it (durable, deleted when its reader goes, expiring with the results). It must
be there before the first message is sent, because a worker's answer to nobody is thrown away by the server. When the
connection was lost, the server has deleted the queue; it is declared again at once, and what was answered meanwhile is
lost, as with Celery.

Each answer is kept until it expires. Of more than the mailbox has room for the oldest are dropped, and the log says so.

One mailbox serves all threads of a process. Its thread owns the link; the others hand it a pipe's byte, and wait on
pipes of their own. It ends `LINGER` seconds after the last backend that used it was closed.
"""

from __future__ import annotations

import logging
import math
import os
import select
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any, Final

from pika.spec import BasicProperties

from ... import clock
from ...exceptions import OperationalError
from ...record import Record
from ...states import may_replace
from .address import Address
from .faults import unanswered
from .link import Link

logger = logging.getLogger(__name__)

MOST: Final = 100_000
"""Documents that one process keeps unless told otherwise."""

LINGER: Final = 10.0
_TURN: Final = 1.0
_LONGEST: Final = 2**32 - 1  # milliseconds that a queue can live unused
_PAUSES: Final = (0.1, 2.0)  # seconds between two attempts to connect: first, longest

Reader = Callable[[BasicProperties, bytes], Record | None]


class Mailbox:
    """The answers to one process's calls, over one server.

    Args:
        address: of the server.
        queue: its name, the ``reply_to`` of this process's messages.
        expires: seconds after which an unused queue, and a document, are gone; 0 for never.
        reader: makes a record of a message; None for one that cannot be read.
        most: documents that are kept.
    """

    def __init__(self, address: Address, queue: str, expires: float, reader: Reader, most: int = MOST) -> None:
        self._link = Link(address, "umbel results")
        self._queue = queue
        self._expires = expires
        self._reader = reader
        self._most = most
        self._full = False
        self._guard = threading.RLock()  # a collected backend may leave in the middle of anything
        self._letters: OrderedDict[str, tuple[Record, float]] = OrderedDict()
        self._bells: set[Bell] = set()
        self._users = 1
        self._idle_since = 0.0
        self._listening = threading.Event()
        self._problem: OperationalError | None = None
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(self._wake, False)
        self._thread = threading.Thread(target=self._run, name="umbel-amqp-results", daemon=True)
        self._thread.start()

    def listen(self) -> None:
        """Return when the queue is there, so that what is sent from now on can be answered.

        Raises:
            OperationalError: it cannot be made in time.
        """
        if self._listening.is_set():
            return
        self._nudge()
        if not self._listening.wait(self._link.address.timeout):
            raise self._problem or unanswered(self._link.address, "no queue for results before the deadline")

    def find(self, ids: Iterable[str]) -> dict[str, Record]:
        """The newest answers to these tasks."""
        now = clock.wall()
        with self._guard:
            found = {task_id: self._letters[task_id][0] for task_id in ids if task_id in self._letters}
        return {task_id: record for task_id, record in found.items() if not 0 < record.expires <= now}

    def forget(self, ids: Iterable[str]) -> None:
        """Throw answers away."""
        with self._guard:
            for task_id in ids:
                self._letters.pop(task_id, None)

    def keep(self, record: Record) -> None:
        """Take an answer; `states.may_replace` decides."""
        full = False
        with self._guard:
            known = self._letters.get(record.id)
            if known is not None and not may_replace(known[0].status, record.status):
                return
            self._letters[record.id] = record, clock.monotonic()
            while len(self._letters) > self._most:
                self._letters.popitem(last=False)
                full, self._full = not self._full, True
            bells = [bell for bell in self._bells if record.id in bell.ids]
        for bell in bells:
            bell.ring()
        if full:
            logger.warning(
                "More than %d results wait in this process for somebody to ask for them; the oldest are dropped. Call "
                "with ignore_result=True, forget() what was read, or keep results in a store.",
                self._most,
            )

    def hang(self, bell: Bell) -> None:
        """Let a reader be rung."""
        with self._guard:
            self._bells.add(bell)

    def take_down(self, bell: Bell) -> None:
        """The reader has gone."""
        with self._guard:
            self._bells.discard(bell)

    def join(self) -> bool:
        """One user more; False when it has ended already."""
        with self._guard:
            if self._users < 0:
                return False
            self._users += 1
            return True

    def leave(self) -> None:
        """One user less."""
        with self._guard:
            self._users -= 1
            self._idle_since = clock.monotonic()

    # From here on: its own thread.

    def _run(self) -> None:
        pause = _PAUSES[0]
        while not self._over():
            try:
                if not self._listening.is_set():
                    self._open()
                    pause = _PAUSES[0]
                self._link.drive(lambda: not self._listening.is_set(), clock.monotonic() + _TURN, self._woken)
                self._drain()
                self._expire()
            except OperationalError as error:
                self._problem = error
                self._listening.clear()
                logger.debug("Results cannot be received: %s", error)
                self._sleep(pause)
                pause = min(pause * 2, _PAUSES[1])
            except Exception:  # the thread must not end while somebody waits
                self._listening.clear()
                logger.exception("Receiving results failed; it begins anew")
                self._sleep(_PAUSES[1])
        self._link.close()
        os.close(self._woken)
        os.close(self._wake)

    def _over(self) -> bool:
        with self._guard:
            if self._users or clock.monotonic() - self._idle_since < LINGER:
                return False
            self._users = -1
            return True

    def _open(self) -> None:
        link, until = self._link, self._link.until()
        arguments = {"x-expires": min(int(self._expires * 1000), _LONGEST)} if self._expires else None
        with link:
            link.channel(until).add_on_cancel_callback(self._on_cancel)
            link.ask(
                lambda channel, reply: channel.queue_declare(
                    self._queue, durable=True, auto_delete=True, arguments=arguments, callback=reply
                ),
                until,
            )
            link.ask(
                lambda channel, reply: channel.basic_consume(
                    self._queue, self._on_message, auto_ack=True, callback=reply
                ),
                until,
            )
        self._problem = None
        self._listening.set()

    def _on_cancel(self, _: Any) -> None:
        """Somebody has deleted the queue."""
        self._listening.clear()

    def _on_message(self, _: Any, __: Any, properties: BasicProperties, body: bytes) -> None:
        try:
            record = self._reader(properties, body)
        except Exception:  # a stranger may have written it
            logger.warning("A result that cannot be read was thrown away", exc_info=True)
            return
        if record is not None:
            record.expires = clock.wall() + self._expires if self._expires else 0.0
            self.keep(record)

    def _expire(self) -> None:
        if not self._expires:
            return
        old = clock.monotonic() - self._expires
        with self._guard:
            while self._letters:
                task_id = next(iter(self._letters))
                if self._letters[task_id][1] > old:
                    break
                del self._letters[task_id]

    def _nudge(self) -> None:
        try:
            os.write(self._wake, b"w")
        except OSError:  # it is full: the thread will wake; or closed: nobody listens any more
            pass

    def _drain(self) -> None:
        try:
            os.read(self._woken, 4096)
        except BlockingIOError:
            pass

    def _sleep(self, seconds: float) -> None:
        _until_readable(seconds, self._woken)
        self._drain()


class Bell:
    """What wakes one reader: a pipe."""

    def __init__(self) -> None:
        self.ids: set[str] = set()
        self._ear, self._rope = os.pipe()
        os.set_blocking(self._ear, False)
        os.set_blocking(self._rope, False)

    def ring(self) -> None:
        """Wake it."""
        try:
            os.write(self._rope, b"!")
        except OSError:  # it rings already, or was taken down
            pass

    def wait(self, timeout: float, wake: int = -1) -> bool:
        """See `umbel.backend.Watch.wait`."""
        _until_readable(timeout, self._ear, wake)
        try:
            return bool(os.read(self._ear, 4096))
        except BlockingIOError:
            return False

    def close(self) -> None:
        """Give the pipe back."""
        os.close(self._ear)
        os.close(self._rope)


def _until_readable(seconds: float, *descriptors: int) -> None:
    poll = select.poll()
    for descriptor in descriptors:
        if descriptor >= 0:
            poll.register(descriptor, select.POLLIN)
    poll.poll(math.ceil(max(0.0, seconds) * 1000))
