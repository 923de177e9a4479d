"""Names: where everything of the broker is in a Redis database.

Celery's own, read and written as Celery does (kombu's Redis transport):

    <queue>                     LIST  ready messages of priorities 0-2, the most urgent; pushed at the left; the oldest
    <queue>\\x06\\x16<3, 6, 9>          is taken at the right; the others have their step in the name
    celery-task-meta-<id>       result documents
    celery-taskset-meta-<id>    saved groups, and behind a suffix joins (`joins`)
    /<db>.celery.pidbox         a channel: requests to all workers; the answers are in the list that the asker reads
    /<db>.<exchange>[/<key>]    channels of fanout exchanges (`exchanges`)
    _kombu.binding.<exchange>   SET   routing key|pattern|queue, with the separator between: what leads where
    _kombu.binding_permanent.<exchange>   the same, of queues that do not expire

Ours; no Celery process looks at them (U is ``umbel:``; ``global_keyprefix`` stands before all keys, in a cluster with a
hash tag, so that all of them are in one slot: `slots`):

    U first:<list>              ZSET  position|item: those that go before the others of a list: suspects by position,
                                      then judged messages (2^51 above); Celery must not run them
    U firsts                    SET   lists that have such a line
    U delayed:<queue>           ZSET  step|position|item by due time
    U delays                    SET   queues that have delayed messages
    U queues                    SET   queues that were ever published to
    U served                    ZSET  queue by the server's milliseconds at which an umbel consumer last wanted it
    U counter                   INT   the last position; a claim has the number of its first position
    U lease:<nonce>:<claim>     HASH  ref -> position|item: what an owner holds under one claim number, all of one list
    U batch:<nonce>:<turn>      LIST  the same as long as it is settled in the order of the claim: what is left of it
    U claims:<nonce>            HASH  claim -> step|name of the turn that claimed|queue; of a batch x<size> after name
    U lost                      ZSET  names of turns whose answer never came, by the time of the turn that said so
    U held                      HASH  refs under early acknowledgement
    U facts                     HASH  ref -> what happened to a message that lives (MessagePack, see lua/common.lua)
    U facts:cursor              INT   how far housekeeping has looked through them
    U dead                      ZSET  ref by time of death
    U dead:letter, dead:item, dead:queue   HASH ref -> what is known (MessagePack), envelope, queue
    U owners, alive             HASH  nonce -> who it is; ZSET nonce by the server's milliseconds of its end
    U roll                      INT   microseconds of the last change of the owners
    U sweep, calm               INT   milliseconds of the last look for dead owners, and before which none is rescued
    U revision, revocations, revocations:expiry    INT, ZSET revision|packed by revision, ZSET revision by expiry
    U number, broadcasts, broadcasts:expiry        the same for broadcasts: number|expires|payload
    U inboxes                   ZSET  of whoever asks Celery's workers: `pidbox`
    U reply:<ticket>, tickets   LIST  expires|payload; ZSET ticket by expiry
    U producer:<nonce>          INT   the last sequence number that a producer stored; one hour
    U heard:<ref>:<queue>       INT   a message of a channel that is in this queue already; ten minutes
    U schedule:<scope>          HASH  who leads: term, renewals, leader, node, entries; and the last number of a moment
    U marks:<scope>             HASH  entry -> nominal|sent|shape: how far it has come
    U moments:<scope>|<entry>   LIST  of its history, newest first (JSON); of no entry: changes of the leader
    U pace:<task>               HASH  a rate limit that all workers keep together: line, start (microseconds)
    U outbox:<name>             ZSET  refs of what follows joins whose messages are elsewhere, by the time from which on
                                      anybody may send it
    U letters                   HASH  ref -> that message (`backend.Letter`)
    U claim:<name>              TEXT  <owner>|<token> of a message that runs once (`claims`), or how it ended
    U claimant:<nonce>          INT   that owner lives; `claims.LEASE`
    U doubt:<nonce>             INT   the server's milliseconds at which he was first seen silent; one minute
    U moved                     SET   names of messages that `umbel drain` brought here; a day after the last

A message is named by its *ref*: 15 hexadecimal digits, the end of its delivery tag, which is a new UUID in every
message of umbel and of Celery. As a number that is its tag. Other producers may leave the delivery tag out; then it is
the end of the message's SHA1.
A *position* is the message's age in its list: given at the first claim, kept when it is given back.
"""

from __future__ import annotations

import bisect
from typing import Any, Final

import msgspec

from ...exceptions import ImproperlyConfigured
from .address import Address

SEPARATOR: Final = "\x06\x16"
STEPS: Final = (0, 3, 6, 9)


class Layout(msgspec.Struct, frozen=True):
    """How the keys of one database are called.

    Attributes:
        prefix: stands before all of them.
        steps: priorities that have a list of their own, ascending; 0 is the most urgent.
        separator: between a queue's name and its step.
        delay_here: delayed messages wait in the store also where only Celery's workers were seen.
        fanout: stands before the name of an exchange in that of its channel.
        ordered: the members of joins are kept by their places (Celery's ``result_chord_ordered``).
    """

    prefix: str = ""
    steps: tuple[int, ...] = STEPS
    separator: str = SEPARATOR
    delay_here: bool = False
    fanout: str = "/0."
    ordered: bool = True

    @classmethod
    def of(cls, address: Address, options: dict[str, Any]) -> Layout:
        """What kombu's options ``priority_steps``, ``sep`` and ``fanout_prefix`` say, and ``task_delay_in_broker`` and
        ``result_chord_ordered``.

        Raises:
            ImproperlyConfigured: steps that are no ascending numbers from 0.
        """
        steps = tuple(options.get("priority_steps") or STEPS)
        if steps[0] != 0 or list(steps) != sorted({int(step) for step in steps}):
            raise ImproperlyConfigured(
                f"priority_steps is {list(steps)}; write ascending numbers from 0, as [0, 3, 6, 9]."
            )
        wanted = options.get("fanout_prefix", True)
        fanout = (f"/{address.db}." if wanted else "") if isinstance(wanted, bool) else str(wanted)
        separator, delay_here = str(options.get("sep") or SEPARATOR), bool(options.get("task_delay_in_broker"))
        return cls(
            address.prefix, steps, separator, delay_here, fanout.replace("{db}", str(address.db)),
            bool(options.get("result_chord_ordered", True)),
        )  # fmt: skip

    def step(self, priority: int) -> int:
        """The step of a priority, which is rounded down to it."""
        return self.steps[bisect.bisect(self.steps, max(0, priority)) - 1]

    def line(self, queue: str, step: int) -> str:
        """A list's name without the prefix."""
        return queue if step == 0 else f"{queue}{self.separator}{step}"

    def key(self, name: str) -> str:
        """A key of Celery's."""
        return self.prefix + name

    def own(self, name: str) -> str:
        """A key of ours."""
        return f"{self.prefix}umbel:{name}"

    def channel(self, exchange: str) -> str:
        """Where kombu publishes what goes to a fanout exchange."""
        return f"{self.prefix}{self.fanout}{exchange}"

    def numbered_steps(self) -> list[int]:
        """The steps as scripts take them: how many, then each."""
        return [len(self.steps), *self.steps]
