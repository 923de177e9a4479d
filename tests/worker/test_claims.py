"""The memory and the SQLite store keep claims of messages that run once, and the suite sees who does not."""

from __future__ import annotations

import inspect
import os
import signal
import sys
from contextlib import closing

import pytest

from tests.support.until import until
from umbel import ids
from umbel.adapters.memory import discard_store, open_broker
from umbel.adapters.memory.claims import MemoryClaims
from umbel.adapters.memory.store import MemoryStore
from umbel.adapters.sqlite import open_broker as open_sqlite
from umbel.claims import HELD, Claim
from umbel.testing.clock import moved_clock
from umbel.testing.conformance.claims import KEPT, ClaimsSuite


class TestMemoryClaims(ClaimsSuite):
    @pytest.fixture
    def broker(self):
        yield open_broker("memory://claims", {})
        discard_store("memory://claims")


class TestSqliteClaims(ClaimsSuite):
    @pytest.fixture
    def broker(self, tmp_path):
        return open_sqlite(f"sqlite:///{tmp_path}/store.db", {})


HOLDER = """
import signal, sys
from umbel.adapters.sqlite import open_broker
from umbel.claims import Claim

print(open_broker(sys.argv[1], {}).claims().claim(int(sys.argv[2]), [Claim("a", "1.1")]), flush=True)
signal.pause()
"""


def test_on_sqlite_the_kernel_says_who_lives(processes, tmp_path):
    url, owner = f"sqlite:///{tmp_path}/store.db", ids.nonce()
    holder = processes.start(sys.executable, "-c", HOLDER, url, str(owner))
    holder.until_output("['mine']", timeout=20)
    with closing(open_sqlite(url, {}).claims()) as claims:
        os.kill(holder.pid, signal.SIGSTOP)
        assert claims.look(["a"]) == ["held"], "a stopped process lives"
        os.kill(holder.pid, signal.SIGKILL)
        until(lambda: claims.look(["a"]) == ["loose"], holder.output)
        assert claims.claim(ids.nonce(), [Claim("a", "2.1")]) == ["again"]


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_an_end_is_forgotten_in_time(kind, tmp_path):
    broker = open_broker("memory://forgets", {}) if kind == "memory" else open_sqlite(f"sqlite:///{tmp_path}/s.db", {})
    owner, claim = ids.nonce(), Claim("a", "1.1")
    with moved_clock() as hands, closing(broker.claims()) as claims:
        claims.claim(owner, [claim, Claim("b", "1.1")])
        claims.settle(owner, [(claim, "ended")], KEPT)
        hands.advance(KEPT - 60)
        assert claims.claim(owner, [Claim("a", "2.1")]) == ["ended"]
        hands.advance(120)
        assert claims.claim(owner, [Claim("a", "2.1")]) == ["mine"]
        assert claims.look(["b"]) == ["held"]
        hands.advance(HELD)
        assert claims.look(["a", "b"]) == ["", ""]
        claims.settle(owner, [], KEPT)
        left = broker.store.claims if kind == "memory" else claims._link.read("SELECT * FROM claim")
    assert not left
    discard_store("memory://forgets")


class Broken(MemoryClaims):
    breaks = ""


class GivesToEverybody(Broken):
    breaks = "test_what_a_living_owner_has_is_left_to_him"

    def _take(self, owner, claim):
        return super()._take(owner, claim).replace("held", "again")


class KnowsNoTokens(Broken):
    breaks = "test_of_two_deliveries_in_one_question_one_gets_it"

    def claim(self, owner, claims):
        return super().claim(owner, [Claim(claim.name, "") for claim in claims])


class ForgetsEnds(Broken):
    breaks = "test_what_has_ended_is_given_to_nobody"

    def settle(self, owner, ends, kept):
        super().settle(owner, [(claim, "gone") for claim, _ in ends], kept)


class SettlesForAnybody(Broken):
    breaks = "test_only_who_has_it_settles_it"

    def settle(self, owner, ends, kept):
        for claim, end in ends:
            _, holder, token, _ = self._store.claims.get(claim.name, ("", 0, "", 0))
            super().settle(holder, [(Claim(claim.name, token), end)], kept)


class KeepsTheDead(Broken):
    breaks = "test_what_a_dead_owner_had_is_taken_over"

    def vouch(self, living, dead=()):
        super().vouch(living)


class AsIfNobodyHadIt(Broken):
    breaks = "test_what_was_given_back_says_so"

    def _take(self, owner, claim):
        return super()._take(owner, claim).replace("again", "mine")


class EachItsOwn(Broken):
    breaks = "test_only_one_of_many_gets_it"

    def __init__(self, store):
        super().__init__(MemoryStore())


CHECKS = [
    name for name, _ in inspect.getmembers(ClaimsSuite) if name.startswith("test_") and name != "test_it_is_found"
]


def failing(kind):
    """Checks that do not pass over a store of this kind."""
    found = []
    for name in CHECKS:
        store, suite = MemoryStore(), ClaimsSuite()
        known = {"opened": lambda store=store: kind(store), "owners": (ids.nonce(), ids.nonce()), "end": "ended"}
        check = getattr(suite, name)
        try:
            check(**{word: known[word] for word in inspect.signature(check).parameters})
        except Exception:  # an assertion, or what the broken store leads to
            found.append(name)
    return found


@pytest.mark.parametrize("kind", Broken.__subclasses__(), ids=lambda kind: kind.__name__)
def test_a_broken_store_fails_its_check(kind):
    assert kind.breaks in failing(kind)


def test_a_good_store_fails_none():
    assert failing(MemoryClaims) == []
