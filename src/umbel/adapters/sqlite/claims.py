"""Claims over the file: what is decided here is written if what it was decided from still stands.

Who lives is seen by the kernel's locks (`liveness`): an owner's byte is free the moment his process is gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, cast

from ... import clock
from ...claims import HELD, Answer, Claim, End, State
from .address import Address
from .link import Link
from .liveness import OwnersFile, owners_file
from .statements import named
from .values import as_json

_SQL: Final = named("claims.sql")

Row = tuple[int, str, str, float]
"""Owner, token, state ("gone": as if there were no row), unix time at which it is forgotten."""

NOTHING: Final[Row] = (0, "", "gone", 0.0)

_TAKEN: Final = ("mine", "again")

_TIDY: Final = 60.0
"""Seconds between two looks for what is to be forgotten."""


class SqliteClaims:
    """See `umbel.claims.Claims`."""

    __slots__ = ("_address", "_link", "_tidied")

    def __init__(self, address: Address) -> None:
        self._address = address
        self._link = Link(address)
        self._tidied = clock.monotonic()

    def claim(self, owner: int, claims: Sequence[Claim]) -> list[Answer]:
        """Read, decide, write; again where somebody else was faster."""
        file = self._file()
        if owner not in file.mine:
            file.lock(owner)
        answers: dict[Claim, Answer] = {}
        left = list(dict.fromkeys(claims))
        while left:
            rows, wanted = self._rows([claim.name for claim in left]), dict[str, Claim]()
            for claim in left:
                row = rows.get(claim.name)
                answers[claim] = "held" if claim.name in wanted else _answer(row, owner, claim, file)
                if answers[claim] in _TAKEN:
                    wanted[claim.name] = claim
            self._take(owner, wanted.values(), rows)
            rows = self._rows(wanted)
            left = [claim for claim in wanted.values() if rows.get(claim.name, NOTHING)[:2] != (owner, claim.token)]
        return [answers[claim] for claim in claims]

    def settle(self, owner: int, ends: Sequence[tuple[Claim, End]], kept: float) -> None:
        """Of what is gone the row stays, and counts as none."""
        now = clock.wall()
        rows = [(claim.name, claim.token, end) for claim, end in ends]
        self._link.write(_SQL["settle"], (as_json(rows), owner, now + kept))
        if clock.monotonic() - self._tidied > _TIDY:
            self._tidied = clock.monotonic()
            self._link.write(_SQL["forget"], (now,))

    def vouch(self, living: Sequence[int], dead: Sequence[int] = ()) -> None:
        """The kernel knows it; only an owner of this process can die by a word."""
        file = self._file()
        for nonce in dead:
            file.unlock(nonce)

    def look(self, names: Sequence[str], owner: int = 0) -> list[State]:
        """What stands there, and whether who has it lives."""
        rows, file = self._rows(names), self._file()
        return [_state(rows.get(name), owner, file) for name in names]

    def close(self) -> None:
        """Give the connection back; what is held stays held while its owner lives."""
        self._link.close()

    def _file(self) -> OwnersFile:
        return owners_file(self._address.path)

    def _rows(self, names: Iterable[str]) -> dict[str, Row]:
        return {name: (*row,) for name, *row in self._link.read(_SQL["known"], (as_json(names),))}

    def _take(self, owner: int, claims: Iterable[Claim], rows: Mapping[str, Row]) -> None:
        """Make rows that are not there, and move those that still are as they were read."""
        until = clock.wall() + HELD
        new = [(claim.name, claim.token) for claim in claims if claim.name not in rows]
        old = [(claim.name, claim.token, *rows[claim.name][:3]) for claim in claims if claim.name in rows]
        for name, wanted in (("take_new", new), ("take_over", old)):
            if wanted:
                self._link.write(_SQL[name], (as_json(wanted), owner, until))


def _state(row: Row | None, owner: int, file: OwnersFile) -> State:
    """What a row says; ``owner`` as in `Claims.look`."""
    holder, _, state, until = row or NOTHING
    if state == "gone" or until <= clock.wall():
        return ""
    if state != "held":
        return cast("State", state)
    held = holder == owner if owner else file.alive(holder)
    return "held" if held else "loose"


def _answer(row: Row | None, owner: int, claim: Claim, file: OwnersFile) -> Answer:
    """What becomes of a claim of what is in that row."""
    state = _state(row, 0, file)
    if state in ("ended", "passed"):
        return "ended"
    if state == "held" and (row or NOTHING)[:2] != (owner, claim.token):
        return "held"
    return "again" if state else "mine"
