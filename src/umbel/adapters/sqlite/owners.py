"""Liveness in the store: a row in `owner` beside the kernel lock, and what happens to a dead owner's work."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Final

import msgspec

from ...broker import Death, Owner
from ...exceptions import OperationalError
from .address import Address
from .link import Link
from .liveness import OwnersFile, owners_file
from .statements import named
from .tidy import Tidier
from .values import as_json
from .wake import Ringer

_SQL: Final = named("owner.sql")
_WITNESSED, _UNKNOWN, _CLEAN = 1, 0, 2

_LOG: Final = 1000
"""Pages of the write-ahead log (4 MB) that a sweep brings into the file. A child does it by itself at 4,000, and stands
still meanwhile: 10 to 50 ms of waiting for the disk, 2 % of a load that writes 3,000 pages a second.
"""


class SqliteOwners:
    """See `umbel.broker.Owners`."""

    __slots__ = ("_address", "_link", "_ringer", "_tidier")

    def __init__(self, address: Address) -> None:
        self._address = address
        self._link = Link(address)
        self._ringer = Ringer(address.path)
        self._tidier = Tidier(address, self._link)

    def enlist(self, owner: Owner) -> None:
        self._file().lock(owner.nonce)  # first: a row without its lock would be rescued
        try:
            self._link.write(
                _SQL["enlist"],
                (owner.nonce, owner.node, owner.pid, owner.role, owner.since, msgspec.json.encode(owner.info).decode()),
            )
        except BaseException:
            self._file().unlock(owner.nonce)
            raise

    def retire(self, nonce: int) -> None:
        self._end(Death(owner=nonce, started=(), cause="", counts=False), _CLEAN)

    def rescue(self, deaths: Sequence[Death] = ()) -> int:
        freed = sum(self._end(death, _WITNESSED) for death in deaths)
        file = self._file()
        for nonce, *_ in self._link.read(_SQL["owners"]):
            if not file.alive(nonce):
                freed += self._end(Death(owner=nonce, started=(), cause="its process is gone"), _UNKNOWN)
        with contextlib.suppress(OperationalError):  # whoever writes does it at last, or is told why not
            self._link.checkpoint(_LOG)
        return freed

    def roll(self) -> list[Owner]:
        file = self._file()
        return [
            Owner(nonce, node, pid, role, since, msgspec.json.decode(info))
            for nonce, node, pid, role, since, info in self._link.read(_SQL["owners"])
            if file.alive(nonce)
        ]

    def tidy(self, limits: dict[str, float]) -> int:
        return self._tidier.step(limits)

    def close(self) -> None:
        self._link.close()
        self._ringer.close()

    def _file(self) -> OwnersFile:
        return owners_file(self._address.path)

    def _end(self, death: Death, witness: int) -> int:
        """Take back all that one owner holds, and strike it off, in one step."""
        held: dict[str, int] = dict(self._link.read(_SQL["owned"], (death.owner,)))
        started = as_json(death.started if death.counts else ())
        verdicts = msgspec.json.encode({str(tag): verdict for tag, verdict in death.verdicts.items()}).decode()
        changed = self._link.write(
            _SQL["rescue"], (death.owner, witness, started, verdicts, death.cause, self._address.poison)
        )
        self._file().unlock(death.owner)
        for queue in held:
            self._ringer.ring(queue)
        return sum(held.values()) if changed else 0
