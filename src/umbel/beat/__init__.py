"""The scheduler: sends the ticks of `beat_schedule`, each exactly once, from any number of processes.

    times      pure: the nominal times of an entry, those that are due, how an entry's moments are named
    judging    pure: which of the due ticks are sent, by the entry's policy
    office     who leads: takes the lead, renews it, notices that a rival stands still
    heap       the entries by the time at which they fire next
    beat       one step: what is due is sent and noted in one step of the store (`coordinator`)
    sending    an entry and a nominal time become messages; whether an earlier task still runs
    unlisted   the same where the broker cannot list messages
    service    the loop of the process: sleeps, signals, a store that is away
    embedded   the processes of a `worker -B`
    outlook    pure: what there is to say of an entry, for those who ask

    beat_schedule -> entries -> heap --due--> judging --> sending --> coordinator.fire(term, ticks) --> workers
                                                                            |
                                            refused: another one leads, or has sent it already

What a tick is: an entry's name and a nominal time. The task's id follows from both, and the mark of the entry moves in
the step that sends it, so a leader that dies between any two instructions has either sent it or not.

What happens when
    the leader is killed            it renews no more; a rival sees that for LEASE seconds and takes over
    the leader is stopped (paused)  the same; when it goes on, its term is over, and its next step refused
    it ends cleanly                 it resigns: the next one leads within a second
    the store is away               nobody sends; when it is back whoever led goes on, and what was missed is judged
    the clock is put                it is said; times that were sent are not sent again
    an entry cannot be reckoned     it is set aside with a sentence, the others go on
"""

from __future__ import annotations

from .beat import Beat
from .embedded import embedded
from .sending import AppSender, Sender
from .service import Service

__all__ = ["AppSender", "Beat", "Sender", "Service", "embedded"]
