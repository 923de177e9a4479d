"""Checks that ask for something that not every store can promise: they run where its `Abilities` say that it can.

    @needs("order", "store")
    def test_...(self, scene): ...

Elsewhere the check is skipped, and the reason names the ability.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

import pytest

from ...broker import Place
from .scene import Scene

EVERYWHERE: Final[tuple[Place, ...]] = ("ready", "delayed", "leased", "dead")
"""For ``needs("listed", EVERYWHERE)``."""

Check = TypeVar("Check", bound=Callable[..., None])


def needs(ability: str, value: Any) -> Callable[[Check], Check]:
    """Run a check only on stores with this ability.

    Args:
        ability: a field of `umbel.broker.Abilities`.
        value: what it must be.
    """

    def mark(check: Check) -> Check:
        @functools.wraps(check)
        def run(self: Any, scene: Scene, *arguments: Any, **named: Any) -> None:
            has = getattr(scene.abilities, ability)
            if has != value:
                pytest.skip(f"Abilities.{ability} is {has!r}, and this needs {value!r}")
            check(self, scene, *arguments, **named)

        return cast("Check", run)

    return mark
