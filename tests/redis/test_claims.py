"""Claims of messages that run once, over Redis: leases in the server's time."""

from __future__ import annotations

from contextlib import closing

import pytest

from tests.support.until import until
from umbel import ids
from umbel.adapters.redis.address import Address
from umbel.adapters.redis.broker import open_broker
from umbel.adapters.redis.link import Link
from umbel.claims import DOUBT, LEASE, Claim
from umbel.testing.conformance.claims import ClaimsSuite


class TestRedisClaims(ClaimsSuite):
    @pytest.fixture
    def broker(self, url):
        return open_broker(url, {})


@pytest.fixture
def claims(url):
    with closing(open_broker(url, {}).claims()) as claims:
        yield claims


@pytest.fixture
def link(url):
    with closing(Link(Address.parse(url, {}))) as link:
        yield link


def test_a_lease_is_prolonged_by_a_word(claims, link):
    owner = ids.nonce()
    claims.claim(owner, [Claim("a", "1.1")])
    link.call("PEXPIRE", f"umbel:claimant:{owner}", 100)
    claims.vouch([owner])
    assert LEASE * 1000 - 1000 < link.call("PTTL", f"umbel:claimant:{owner}") <= LEASE * 1000


def test_who_was_silent_is_doubted_before_he_is_dead(claims, link):
    """A server that was away has forgotten every lease: those who live speak first."""
    owner, other = ids.nonce(), ids.nonce()
    claims.claim(owner, [Claim("a", "1.1")])
    link.call("DEL", f"umbel:claimant:{owner}")
    assert claims.claim(other, [Claim("a", "2.1")]) == ["held"]
    claims.vouch([owner])
    assert link.call("EXISTS", f"umbel:doubt:{owner}") == 0
    link.call("DEL", f"umbel:claimant:{owner}")
    assert claims.look(["a"]) == ["held"]
    seen = int(link.call("GET", f"umbel:doubt:{owner}"))
    link.call("SET", f"umbel:doubt:{owner}", seen - int(DOUBT * 1000))
    assert claims.claim(other, [Claim("a", "2.1")]) == ["again"]


def test_a_silent_owner_dies_by_time(claims, link):
    owner = ids.nonce()
    claims.claim(owner, [Claim("a", "1.1")])
    link.call("DEL", f"umbel:claimant:{owner}")
    until(lambda: claims.look(["a"]) == ["loose"], timeout=30)


def test_nothing_stays_for_ever(claims, link):
    owner = ids.nonce()
    claims.claim(owner, [Claim(name, "1.1") for name in "abc"])
    claims.settle(owner, [(Claim("a", "1.1"), "ended"), (Claim("b", "1.1"), "loose")], 60.0)
    claims.vouch((), [ids.nonce()])
    keys = link.call("KEYS", "umbel:*")
    assert len(keys) == 5
    assert all(link.call("PTTL", key) > 0 for key in keys)
