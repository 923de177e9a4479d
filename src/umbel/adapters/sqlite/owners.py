"""Liveness in the store: a row in `owner` beside the kernel lock, and what happens to a dead owner's work."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ...broker import Death, Owner
from .address import Address
from .link import Link
from .liveness import OwnersFile, owners_file
from .statements import SQL
from .tidy import Tidier
from .wake import Ringer

_WITNESSED, _UNKNOWN, _CLEAN = 1, 0, 2


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
                SQL["enlist"],
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
        for nonce, *_ in self._link.read(SQL["owners"]):
            if not file.alive(nonce):
                freed += self._end(Death(owner=nonce, started=(), cause="its process is gone"), _UNKNOWN)
        return freed

    def roll(self) -> list[Owner]:
        file = self._file()
        return [
            Owner(nonce, node, pid, role, since, msgspec.json.decode(info))
            for nonce, node, pid, role, since, info in self._link.read(SQL["owners"])
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
        held: list[tuple[str, int]] = [(queue, count) for queue, count in self._link.read(SQL["owned"], (death.owner,))]
        started = msgspec.json.encode(death.started if death.counts else ()).decode()
        verdicts = msgspec.json.encode({str(tag): verdict for tag, verdict in death.verdicts.items()}).decode()
        changed = self._link.write(
            SQL["rescue"], (death.owner, witness, started, verdicts, death.cause, self._address.poison)
        )
        self._file().unlock(death.owner)
        for queue, _ in held:
            self._ringer.ring(queue)
        return sum(count for _, count in held) if changed else 0
