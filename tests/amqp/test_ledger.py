"""What the ledger makes of its entries, and which acknowledgements are sent: without any server."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from umbel.adapters.amqp.acks import Open
from umbel.adapters.amqp.ledger import (
    LEASE,
    Died,
    Freed,
    Held,
    Kept,
    Ledger,
    Revoked,
    Settled,
    Spared,
    Taken,
    decoded,
    encoded,
)
from umbel.broker import Death, Revocation

MESSAGE, OWNER, OTHER = 7, 100, 200


def ledger(*entries, now=0.0):
    read = Ledger()
    for offset, entry in enumerate(entries):
        read.learn(decoded(encoded(entry)), offset, now)
    return read


def killed(*started, counts=True, verdicts=None, owner=OWNER):
    return Died(Death(owner, started, "killed by SIGKILL", verdicts or {}, counts))


def test_a_reported_death_counts_what_had_started_and_suspects_nothing():
    past = ledger(killed(MESSAGE)).past(MESSAGE, 1, 3)
    assert (past.deaths, past.alone, past.verdict) == (1, False, "")


def test_a_report_that_counts_for_nobody_suspects_nothing_either():
    past = ledger(killed(MESSAGE, counts=False)).past(MESSAGE, 1, 3)
    assert (past.deaths, past.alone) == (0, False)


def test_of_deaths_that_nobody_saw_those_count_that_ended_who_had_taken_it():
    takes = [Taken(owner, MESSAGE, lost) for lost, owner in ((1, 101), (2, 102), (3, 103))]
    seen = [ledger(*takes).past(MESSAGE, lost, 3) for lost in range(5)]
    assert [(past.deaths, past.alone) for past in seen] == [(0, False), (0, True), (1, True), (2, True), (3, True)]
    assert [bool(past.verdict) for past in seen] == [False, False, False, False, True]


def test_however_often_a_message_is_lost_that_nobody_ran_nothing_counts():
    """A server that crashes loses all of a queue."""
    past = ledger().past(MESSAGE, 50, 3)
    assert (past.deaths, past.alone, past.verdict) == (0, True, "")


def test_who_lives_has_not_died_of_what_he_lost():
    takes = [Taken(OWNER, MESSAGE, lost) for lost in (1, 2, 3)]
    assert ledger(*takes, Spared(OWNER, [MESSAGE])).past(MESSAGE, 4, 3).deaths == 0
    assert ledger(*takes, Spared(OTHER, [MESSAGE])).past(MESSAGE, 4, 3).deaths == 3
    assert ledger(Spared(OWNER, [MESSAGE]), *takes).past(MESSAGE, 4, 3).deaths == 3, "what came before is another life"
    assert ledger(*takes, Spared(OWNER, [MESSAGE]), Taken(OTHER, MESSAGE, 4)).past(MESSAGE, 5, 3).deaths == 1


def test_who_was_seen_to_die_of_something_else_does_not_count():
    assert ledger(Taken(OWNER, MESSAGE, 1), killed(OTHER)).past(MESSAGE, 2, 3).deaths == 0


def test_what_was_given_back_counts_for_whoever_took_it_last():
    """Its number of losses is the same when somebody else takes it."""
    takes = [Taken(OWNER, MESSAGE, 1), Taken(OTHER, MESSAGE, 1)]
    assert ledger(*takes).past(MESSAGE, 1, 3).deaths == 0
    assert ledger(*takes).past(MESSAGE, 2, 3).deaths == 1
    assert ledger(*takes, Spared(OTHER, [MESSAGE])).past(MESSAGE, 2, 3).deaths == 0
    assert ledger(*takes).taker(MESSAGE) == OTHER


def test_the_third_reported_death_is_a_verdict_with_its_cause():
    read = ledger(*[killed(MESSAGE, owner=owner) for owner in (1, 2, 3)])
    assert read.past(MESSAGE, 3, 3).verdict == "WorkerLostError:killed by SIGKILL"
    assert read.past(MESSAGE, 2, 3).verdict == ""


def test_a_death_that_was_written_twice_counts_once():
    """Whoever had no answer writes it again."""
    read = ledger(killed(MESSAGE), killed(MESSAGE), killed(MESSAGE))
    assert read.past(MESSAGE, 2, 3).deaths == 1


def test_what_is_held_fails_when_it_was_lost_and_only_then():
    read = ledger(Held(MESSAGE))
    assert read.past(MESSAGE, 1, 3).verdict.startswith("WorkerLostError:")
    assert read.past(MESSAGE, 0, 3).verdict == ""
    assert ledger(Held(MESSAGE), Freed(MESSAGE)).past(MESSAGE, 1, 3).verdict == ""


def test_a_supervisors_verdict_goes_before():
    read = ledger(Held(MESSAGE), killed(verdicts={MESSAGE: "TimeLimitExceeded:5.0"}, counts=False))
    assert read.past(MESSAGE, 1, 3).verdict == "TimeLimitExceeded:5.0"


def test_a_word_of_the_living_counts_for_its_lease_and_not_after_a_report():
    read = ledger(Kept(OWNER, [MESSAGE]))
    assert [read.keeper(MESSAGE, now) for now in (0.0, LEASE - 1, LEASE + 1)] == [OWNER, OWNER, 0]
    read.learn(killed(), 1, 1.0)
    assert read.keeper(MESSAGE, 1.0) == 0


def test_taking_counts_only_where_nobody_works():
    """What stands before it decides, for everybody the same."""
    assert ledger(Taken(OTHER, MESSAGE)).taker(MESSAGE) == OTHER
    assert ledger(Kept(OWNER, [MESSAGE]), Taken(OTHER, MESSAGE)).taker(MESSAGE) == 0
    assert ledger(Kept(OWNER, [MESSAGE]), Kept(0, [MESSAGE]), Taken(OTHER, MESSAGE)).taker(MESSAGE) == OTHER


def test_what_is_settled_is_kept_no_more():
    read = ledger(Kept(OWNER, [MESSAGE]), Settled(OWNER, [MESSAGE]))
    assert (read.settled(MESSAGE), read.keeper(MESSAGE, 0.0)) == (True, 0)


def test_revocations_ascend_and_expire():
    read = ledger(Revoked([Revocation("a", expires=50.0), Revocation("b")]), Revoked([Revocation("c")]))
    entries = read.revoked(0, 10.0)
    assert [entry.id for entry in entries] == ["a", "b", "c"]
    assert [entry.revision for entry in entries] == sorted({entry.revision for entry in entries})
    assert [entry.id for entry in read.revoked(entries[0].revision, 10.0)] == ["b", "c"]
    newest = read.revision
    assert (read.forget(60.0), [entry.id for entry in read.revoked(0, 10.0)], read.revision) == (1, ["b", "c"], newest)


@given(st.lists(st.lists(st.integers(1, 30)), max_size=20))
def test_acknowledgements_close_exactly_what_was_closed(rounds):
    """A frame for many closes all below it; what is open on our side is never among them."""
    ours, theirs = Open(), set(range(1, 31))
    for tag in range(1, 31):
        ours.add(tag)
    closed: set[int] = set()
    for tags in rounds:
        for tag, multiple in ours.close(tags):
            theirs -= {each for each in theirs if each <= tag} if multiple else {tag}
        closed |= set(tags)
        assert theirs == set(range(1, 31)) - closed
