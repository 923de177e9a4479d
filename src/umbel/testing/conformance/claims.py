"""The suite of the claims contract: every store that keeps claims passes it, ours and strangers'.

class TestMyClaims(ClaimsSuite):
    @pytest.fixture
    def broker(self):
        return open_broker("mystore://...", {})
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest

from ... import ids
from ...claims import Claim, Claiming, Claims, End

KEPT = 600.0
"""Seconds for which the suite has ends remembered."""

Open = Callable[[], Claims]


def one(name: str, token: str = "1.1") -> list[Claim]:  # noqa: S107 - of a delivery
    """A single claim."""
    return [Claim(name, token)]


class ClaimsSuite:
    """Every sentence of `umbel.claims`. A subclass gives the fixture ``broker``."""

    @pytest.fixture
    def opened(self, broker: Any) -> Iterator[Open]:
        """One more part, as another process would open it."""
        with ExitStack() as stack:
            yield lambda: stack.enter_context(closing(broker.claims()))

    @pytest.fixture
    def owners(self) -> tuple[int, int]:
        """Nonces of two owners."""
        return ids.nonce(), ids.nonce()

    def test_it_is_found(self, broker: Any) -> None:
        """By looking whether it is there."""
        assert isinstance(broker, Claiming)

    def test_nobody_had_it_before(self, opened: Open, owners: tuple[int, int]) -> None:
        """Whoever asks first has it."""
        part = opened()
        assert part.look(["a"]) == [""]
        assert part.claim(owners[0], [Claim("a", "1.1"), Claim("b", "2.1")]) == ["mine", "mine"]
        assert opened().look(["b", "a", "c"]) == ["held", "held", ""]

    def test_what_a_living_owner_has_is_left_to_him(self, opened: Open, owners: tuple[int, int]) -> None:
        """Others do not get it, and neither does he himself with a second delivery."""
        part, other = opened(), opened()
        part.claim(owners[0], one("a"))
        assert other.claim(owners[1], [*one("a"), *one("b", "7.1")]) == ["held", "mine"]
        assert part.claim(owners[0], one("a", "1.2")) == ["held"]

    def test_a_question_may_be_repeated(self, opened: Open, owners: tuple[int, int]) -> None:
        """When its answer was lost: what was taken is still his who took it."""
        part = opened()
        part.claim(owners[0], one("a"))
        assert part.claim(owners[0], one("a"))[0] in ("mine", "again")
        assert part.look(["a"], owners[0]) == ["held"]

    def test_of_two_deliveries_in_one_question_one_gets_it(self, opened: Open, owners: tuple[int, int]) -> None:
        """The first."""
        assert opened().claim(owners[0], [*one("a"), *one("a", "2.1")]) == ["mine", "held"]

    @pytest.mark.parametrize("end", ["ended", "passed"])
    def test_what_has_ended_is_given_to_nobody(self, opened: Open, owners: tuple[int, int], end: End) -> None:
        """However it ended, which can be told."""
        part = opened()
        part.claim(owners[0], one("a"))
        part.settle(owners[0], [(Claim("a", "1.1"), end)], KEPT)
        assert part.look(["a"]) == [end]
        assert opened().claim(owners[1], one("a", "2.1")) == ["ended"]
        assert part.look(["a"]) == [end]

    def test_what_was_given_back_says_so(self, opened: Open, owners: tuple[int, int]) -> None:
        """To whoever is next."""
        part = opened()
        part.claim(owners[0], one("a"))
        part.settle(owners[0], [(Claim("a", "1.1"), "loose")], KEPT)
        assert part.look(["a"]) == ["loose"]
        assert opened().claim(owners[1], one("a", "2.1")) == ["again"]
        assert part.look(["a"], owners[1]) == ["held"]

    def test_of_what_is_gone_nothing_is_remembered(self, opened: Open, owners: tuple[int, int]) -> None:
        """A person may send it again."""
        part = opened()
        part.claim(owners[0], one("a"))
        part.settle(owners[0], [(Claim("a", "1.1"), "gone")], KEPT)
        assert part.look(["a"]) == [""]
        assert opened().claim(owners[1], one("a", "2.1")) == ["mine"]

    def test_what_a_dead_owner_had_is_taken_over(self, opened: Open, owners: tuple[int, int]) -> None:
        """At once, when somebody saw him die; what a living one has is not."""
        part, other = opened(), opened()
        part.claim(owners[0], one("a"))
        other.claim(owners[1], one("b"))
        other.vouch([owners[1]], [owners[0]])
        assert other.look(["a", "b"]) == ["loose", "held"]
        assert other.claim(owners[1], [*one("a", "2.1"), *one("b", "9.1")]) == ["again", "held"]

    def test_only_who_has_it_settles_it(self, opened: Open, owners: tuple[int, int]) -> None:
        """Not another owner, and not for another delivery; a dead one has lost it when somebody has taken it."""
        part, other = opened(), opened()
        part.claim(owners[0], one("a"))
        other.claim(owners[1], one("b"))
        other.settle(owners[1], [(Claim("a", "1.1"), "ended")], KEPT)
        part.settle(owners[0], [(Claim("a", "1.2"), "ended")], KEPT)
        assert part.look(["a"]) == ["held"]
        other.vouch((), [owners[0]])
        other.claim(owners[1], one("a", "2.1"))
        part.settle(owners[0], [(Claim("a", "1.1"), "ended")], KEPT)
        assert part.look(["a"], owners[1]) == ["held"]

    def test_what_is_settled_twice_is_settled_once(self, opened: Open, owners: tuple[int, int]) -> None:
        """So it may be repeated, also when somebody has it again."""
        part = opened()
        part.claim(owners[0], one("a"))
        loose: list[tuple[Claim, End]] = [(Claim("a", "1.1"), "loose")]
        part.settle(owners[0], loose, KEPT)
        part.claim(owners[1], one("a", "2.1"))
        part.settle(owners[0], loose, KEPT)
        assert part.look(["a"], owners[1]) == ["held"]

    def test_whose_it_is_can_be_asked(self, opened: Open, owners: tuple[int, int]) -> None:
        """What another one holds counts as loose then; and who asks lives, whatever was said of him."""
        part = opened()
        part.claim(owners[0], one("a"))
        assert part.look(["a"], owners[1]) == ["loose"]
        part.vouch((), [owners[0]])
        assert part.look(["a"]) == ["loose"]
        assert part.look(["a"], owners[0]) == ["held"]

    def test_only_one_of_many_gets_it(self, opened: Open) -> None:
        """All at once, for what nobody has had and for what a dead owner had."""
        dead = ids.nonce()
        opened().claim(dead, [Claim(f"old-{number}", "0.1") for number in range(20)])
        opened().vouch((), [dead])
        parts, got = [(opened(), ids.nonce()) for _ in range(4)], list[str]()

        def take(part: Claims, owner: int) -> None:
            for number in range(20):
                names = [f"new-{number}", f"old-{number}"]
                answers = part.claim(owner, [Claim(name, f"{owner:x}.1") for name in names])
                got.extend(name for name, said in zip(names, answers, strict=True) if said in ("mine", "again"))

        threads = [threading.Thread(target=take, args=one) for one in parts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(got) == sorted(f"{age}-{number}" for age in ("new", "old") for number in range(20))

    def test_nothing_may_be_said(self, opened: Open, owners: tuple[int, int]) -> None:
        """Empty lists."""
        part = opened()
        part.settle(owners[0], [], KEPT)
        part.vouch([])
        assert (part.claim(owners[0], []), part.look([])) == ([], [])
