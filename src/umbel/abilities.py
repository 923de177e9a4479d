"""What stores can promise, and the words for what one cannot."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

Place = Literal["ready", "delayed", "leased", "dead"]
Exchanges = Literal["sender", "fanout", "server"]
_PLACES: Final[tuple[Place, ...]] = ("ready", "delayed", "leased", "dead")


class Abilities(msgspec.Struct, frozen=True):
    """What a store can promise. A worker checks them at start; nothing differs silently.

    Attributes:
        results: it is a result backend too, and stores an outcome's record in the step that settles it.
        shared: other processes of this machine see it (False for memory).
        fence: how far a lost owner is fenced: "store", "node" or "none".
        process_death: what a killed process can lose: "nothing" or a sentence.
        server_death: the same for the server's process.
        power_loss: the same for the power.
        priorities: the priorities that it tells apart, the most urgent first. Others count as the next lower number.
        expiry: who removes expired results: "tidy" (`Owners.tidy`), or "server" by itself and by its own clock; such a
            store does not bound their number either.
        notice: seconds after which `Owners.rescue`, called every second, finds an owner whose process was killed.
        idle: seconds after which one that sleeps in `Consumer.wait` looks by itself; the children of a worker take
            turns, each at least after four times as long. What comes wakes it before; so long may it miss something
            when the connection by which it is woken has died without a word.
        listed: places whose messages can be listed, found, removed one by one and taken back by `Control.revoke`.
            Messages in others are at most counted; whoever claims a revoked one discards it.
        order: "store" when one order holds over all queues, and what is given back or was lost returns to its own place
            in it; "queue" when each queue has its own order, and such messages go to its end.
        rescue: who takes back what a dead owner held. "caller": `Owners.rescue`, which says how much, and suspects
            nothing that a report acquits. "server": the server by itself, moments later; `rescue` counts none,
            whatever is not reported as started is a suspect, and the roll is what each process says of itself.
        delays: whose clock a delay goes by: "caller", `umbel.clock`; or "server", and then `Turn.next_due` may be 0.0.
        atomic: a call of `Publisher.publish` stores all of its parcels or none, also when its process dies meanwhile.
        notices: "kept" when a broadcast waits until it expires for whoever listens later, "heard" when only those get
            it who listen already.
        joins: it gathers the members of joins (`outcome.Member`); without it a chord whose results it keeps is refused.
        opens: members that Celery's workers run count in its joins too. It notes the sizes of joins (`Parcel.opens`),
            as Celery's clients do there, and a member need not know it.
        exchanges: who knows what an exchange leads to. "sender": whoever sends, from the queues that are declared, and
            the store has queues only. "fanout": the same, but what goes to a queue of each worker's own is sent to its
            exchange (`Parcel.exchange`). "server": the server, so whatever names an exchange is sent there.
    """

    results: bool
    shared: bool
    fence: Literal["store", "node", "none"]
    process_death: str
    server_death: str
    power_loss: str
    priorities: tuple[int, ...] = (9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
    expiry: Literal["tidy", "server"] = "tidy"
    notice: float = 0.0
    idle: float = 2.0
    listed: tuple[Place, ...] = ("ready", "delayed", "leased", "dead")
    order: Literal["store", "queue"] = "store"
    rescue: Literal["caller", "server"] = "caller"
    delays: Literal["caller", "server"] = "caller"
    notices: Literal["kept", "heard"] = "kept"
    atomic: bool = True
    joins: bool = False
    opens: bool = False
    exchanges: Exchanges = "sender"

    def departures(self) -> list[str]:
        """What a person has to know who expects of this store what others promise: a few words each, mostly none.

        Example:
            >>> Abilities(False, True, "store", "nothing", "nothing", "nothing", delays="server").departures()
            ['delays go by the clock of the server']
        """
        found = []
        if len(self.listed) < len(_PLACES):
            found.append(f"only {' and '.join(self.listed) or 'no'} messages can be listed or removed one by one")
        if self.order == "queue":
            found.append("priorities hold within a queue, and what is given back goes to its end")
        if self.delays == "server":
            found.append("delays go by the clock of the server")
        if not self.atomic:
            found.append("a call of several messages is not one step: what was confirmed before an error stays")
        if self.notices == "heard":
            found.append("requests reach only workers that are connected")
        return found
