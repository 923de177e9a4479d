from __future__ import annotations

import pytest

from benchmarks import verdicts


def found(rounds, figure, wanted):
    return next(one for one in verdicts.judge(rounds) if one.figure == figure and wanted in one.wanted)


def test_a_ratio_is_the_median_of_pairs_not_the_ratio_of_medians():
    rounds = {"drain, tasks/s": {"umbel": [10.0, 200.0, 30.0], "bare": [5.0, 200.0, 10.0]}}
    assert verdicts.paired(rounds, "drain, tasks/s", "umbel", "bare") == 2.0


@pytest.mark.parametrize(("ours", "reached"), [(119.0, False), (120.0, True)])
def test_the_drain_is_measured_by_the_bare_loop(ours, reached):
    rounds = {"drain, tasks/s": {"umbel": [ours], "bare": [100.0]}}
    assert found(rounds, "drain, tasks/s", "bare").reached is reached


def test_upper_bounds_and_lower_bounds():
    rounds = {"start latency p99, ms": {"umbel": [2.1]}, "enqueue one by one, tasks/s": {"umbel": [20_001.0]}}
    assert found(rounds, "start latency p99, ms", "<=").reached is False
    assert found(rounds, "enqueue one by one, tasks/s", ">=").reached is True


def test_one_faster_peer_is_enough_to_miss():
    rounds = {"long, tasks/s": {"umbel": [100.0], "huey": [90.0], "celery": [103.0]}}
    assert found(rounds, "long, tasks/s", "nobody").reached is False


def test_what_was_not_measured_has_no_verdict():
    assert {one.reached for one in verdicts.judge({})} == {None}
