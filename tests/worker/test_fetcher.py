"""What a child asks for: no more than it can start, queues in rotation, a blocked kind left alone."""

from __future__ import annotations

from umbel.worker.fetcher import Fetcher
from umbel.worker.options import WorkerOptions
from umbel.worker.pace import Pace


def fetcher(*queues: str, cap: int = 0) -> Fetcher:
    return Fetcher(WorkerOptions(hostname="w@h", queues=queues or ("celery",), prefetch_multiplier=cap), Pace())


def test_nothing_is_wanted_without_a_free_slot() -> None:
    assert fetcher().want(0, 0, inline=False) is None


def test_threads_take_no_more_than_their_free_slots() -> None:
    want = fetcher().want(3, 500, inline=False)
    assert want is not None
    assert want.limit == 3


def test_queues_rotate() -> None:
    asked = fetcher("a", "b", "c")
    first = [want.queues[0] for _ in range(6) if (want := asked.want(1, 1, inline=True)) is not None]
    assert sorted(first) == ["a", "a", "b", "b", "c", "c"]


def test_a_queue_whose_kind_has_no_slot_is_left_alone_until_one_is_free() -> None:
    asked = fetcher("sync", "async")
    asked.pause("async", is_async=True)
    want = asked.want(1, 0, inline=True)
    assert want is not None
    assert want.queues == ("sync",)
    want = asked.want(1, 2, inline=True)
    assert want is not None
    assert set(want.queues) == {"sync", "async"}


def test_the_prefetch_multiplier_caps_a_batch() -> None:
    asked = fetcher(cap=2)
    asked.pace.worked(1, 1e-6)
    asked.pace.worked(4, 1e-6)
    want = asked.want(1, 500, inline=True)
    assert want is not None
    assert want.limit == 2
