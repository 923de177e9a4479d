"""The forwarder: sends what follows joins, where the store that joins is not the broker (`backend.Joining`).

    join     a child: the step that notes the last member puts the message into the outbox of the result store, and with
             it what a member sends itself; it is published, confirmed, and taken out of the outbox
    look     every supervisor, every two seconds: what has been in the outbox for five. Whoever put it there has died,
             or could not reach the broker

A member's own messages (`add_to_chord`) go the same way because nobody can make them anew: a task that has succeeded
does not run again, and its result does not say what it added.

So a message is sent at least once, and twice only when somebody dies between the last two steps. It says so of itself:
whoever claims it asks for its result first (`message.AGAIN_HEADER`, `again`).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from .. import clock
from ..app.joined import apart, outbox
from ..backend import Joining, Letter
from ..backoff import AWAY
from ..broker import Publisher
from ..exceptions import UmbelError
from ..message import AGAIN_HEADER, ONCE_HEADER, Parcel
from ..outcome import Outcome
from ..serialization import decode_json, encode_json

if TYPE_CHECKING:
    from ..app import Umbel

logger = logging.getLogger("umbel.worker")

LATE: Final = 5.0
"""Seconds that a letter has to be sent by whoever put it into the outbox, or took it out."""

LOOK: Final = 2.0
"""Seconds between two looks for letters of others."""

_DEADLINE: Final = 2.0
"""Seconds for sending: what takes longer is tried again, and the caller has other work."""


class Forwarder:
    """One thread's.

    Args:
        app: the application.
    """

    def __init__(self, app: Umbel) -> None:
        self._app = app
        self._outbox = outbox(app.broker_url, app.conf.broker_transport_options)
        self._publisher: Publisher | None = None
        self._looked = clock.monotonic()
        self._rests = 0.0  # monotonic moment before which a child leaves letters in the outbox: the broker takes none

    def join(self, outcomes: Sequence[Outcome]) -> None:
        """Store the results of these outcomes and note their members; send what follows, and what they send.

        Raises:
            OperationalError: of the result store: the members may not be noted.
        """
        store = apart(self._app) if outcomes else None
        if store is None:
            return
        records = [outcome.record for outcome in outcomes if outcome.record is not None]
        members = [member for outcome in outcomes for member in outcome.members]
        parcels = [parcel for outcome in outcomes for parcel in outcome.parcels]
        letters = store.note_members(records, members, parcels, self._outbox, clock.wall() + LATE)
        if letters and clock.monotonic() >= self._rests:
            self._send(store, letters)

    def look(self) -> None:
        """Send what others have left, when it is time for that."""
        now = clock.monotonic()
        store = apart(self._app) if now - self._looked >= LOOK else None
        if store is None:
            return
        self._looked = now
        try:
            letters = store.take_letters(self._outbox, clock.wall(), clock.wall() + LATE)
        except UmbelError as error:
            logger.warning("It cannot be seen whether something follows a chord: %s", error)
            return
        if letters:
            logger.warning("Sending what follows %d chord(s), which others have left", len(letters))
            self._send(store, letters)

    def _send(self, store: Joining, letters: Sequence[Letter]) -> None:
        """Publish, then forget; what cannot be sent now stays in the outbox and is taken from there later."""
        if self._publisher is None:
            self._publisher = self._app.broker.publisher()
        try:
            self._publisher.publish([_marked(letter.parcel) for letter in letters], deadline=_DEADLINE)
            store.drop_letters(self._outbox, [letter.ref for letter in letters])
        except UmbelError as error:
            if len(letters) > 1 and not isinstance(error, AWAY):  # one of them cannot be sent: the others go without it
                for letter in letters:
                    self._send(store, [letter])
                return
            self._rests = clock.monotonic() + LATE
            logger.warning("What follows %d chord(s) cannot be sent, it is tried again: %s", len(letters), error)

    def close(self) -> None:
        """Give the connection back; safe to repeat."""
        publisher, self._publisher = self._publisher, None
        if publisher is not None:
            publisher.close()


def _marked(parcel: Parcel) -> Parcel:
    head = decode_json(parcel.head)
    head["headers"].update({AGAIN_HEADER: True, ONCE_HEADER: True})
    return msgspec.structs.replace(parcel, head=encode_json(head))
