"""What became of an earlier tick where the broker cannot list its messages: claims, results, the size of a queue."""

from __future__ import annotations

from contextlib import closing

import pytest

from umbel import Umbel
from umbel.beat.unlisted import GONE, RETRIES, Unlisted
from umbel.claims import Claim, name_of
from umbel.ids import new_id, nonce
from umbel.record import Record
from umbel.testing.clock import moved_clock

OWNER = nonce()


@pytest.fixture
def app():
    with Umbel("shop", broker=f"memory://{new_id()}", backend=f"memory://{new_id()}") as app:
        app.task(name="shop.a")(print)
        yield app


@pytest.fixture
def claims(app):
    with closing(app.claims()) as claims:
        yield claims


@pytest.fixture
def sent(app):
    """A tick "tick" that was sent, and who says what became of it."""
    parcel = app.build("shop.a", (), {}, task_id="tick")
    app.publish([parcel])
    unlisted = Unlisted(app)
    unlisted.sent([parcel])
    return unlisted


def purge(app):
    with closing(app.broker.shelf()) as shelf:
        assert shelf.purge("celery") == 1


def claim(claims, *ends):
    for retries, end in enumerate(ends):
        one = Claim(name_of("tick", retries), "1.1")
        assert claims.claim(OWNER, [one]) == ["mine"]
        if end:
            claims.settle(OWNER, [(one, end)], 2 * RETRIES)


@pytest.mark.parametrize(
    ("ends", "doing"),
    [
        ((), "waits"), (("",), "runs"), (("ended",), ""), (("loose",), "waits"), (("passed",), "waits"),
        (("passed", ""), "runs"), (("passed", "passed", "ended"), ""),
    ],
)  # fmt: skip
def test_its_claims_are_asked_first(sent, claims, ends, doing):
    claim(claims, *ends)
    assert sent.doing("tick") == doing


def test_of_a_dead_owner_it_waits(sent, claims):
    claim(claims, "")
    claims.vouch((), [OWNER])
    assert sent.doing("tick") == "waits"


@pytest.mark.parametrize(
    ("status", "doing"), [("SUCCESS", ""), ("FAILURE", ""), ("STARTED", "runs"), ("RETRY", "waits")]
)
def test_then_its_result(app, sent, status, doing):
    app.backend().store([Record("tick", status, b'{"status":"%s","result":null}' % status.encode())])
    assert sent.doing("tick") == doing


@pytest.mark.parametrize(("ends", "patience"), [((), GONE), (("passed",), RETRIES)])
def test_what_nobody_claims_and_no_queue_has_is_gone_in_time(app, sent, claims, ends, patience):
    claim(claims, *ends)
    with moved_clock() as hands:
        hands.advance(patience + 1)
        assert sent.doing("tick") == "waits", "its queue has it"
        purge(app)
        assert sent.doing("tick") == "waits"
        hands.advance(patience - 10)
        assert sent.doing("tick") == "waits"
        hands.advance(20)
        assert sent.doing("tick") == ""


def test_another_queue_is_none_of_its_business(app, sent):
    app.send_task("shop.a", queue="other")
    purge(app)
    with moved_clock() as hands:
        assert [sent.doing("tick"), Unlisted(app).doing("tick")] == ["waits", "waits"]
        hands.advance(GONE + 1)
        assert [sent.doing("tick"), Unlisted(app).doing("tick")] == ["", "waits"], "who has not sent it cannot know"


def test_without_claims_nobody_can_tell():
    with Umbel("shop", broker=f"memory://{new_id()}", backend="db+sqlite:///nowhere.db") as app:
        assert Unlisted(app).doing("tick") == ""
