"""Chords joined by a real server, in Celery's keys: what holds on every store, and what is Redis's own."""

from __future__ import annotations

import json
from contextlib import closing

import pytest

from tests.calling.test_chords import (  # noqa: F401 - run here too, with the world of this module
    World,
    test_a_chain_that_breaks_in_a_header_fails_the_body,
    test_a_failure_goes_up_through_nested_chords_and_down_the_chain,
    test_a_member_that_ends_badly_fails_the_body,
    test_a_member_that_expired_fails_the_body,
    test_a_member_that_runs_again_changes_nothing,
    test_many_members,
    test_the_body_gets_all_results_in_order,
    test_the_result_has_its_header_as_parent,
)
from tests.redis.lab import RedisLab
from umbel import Umbel, chord, clock
from umbel.adapters.redis.envelope import opened, parted
from umbel.app.options import broker_options
from umbel.broker import Owner, Want
from umbel.message import Join, Parcel
from umbel.outcome import Done, Member, Park, Release, Splice
from umbel.testing.worker import InProcessWorker

HEAD = b'{"headers":{"id":"body"},"properties":{},"content-type":"application/json","content-encoding":"utf-8"}'


@pytest.fixture
def world(url):
    app = Umbel("chords", broker=url, backend=url)
    with app, InProcessWorker(app) as worker:
        yield World(app, worker)


def keys(link):
    return sorted(key.decode() for key in link.call("KEYS", "celery-taskset-meta-*"))


def test_the_size_is_stored_with_the_members_and_one_mark_is_left(world, link):
    world.app.conf.result_chord_expires = 1000
    result = chord([world.add.s(1, 1), world.add.s(2, 2)], world.total.s()).delay()
    stem = f"celery-taskset-meta-{result.parent.id}"
    assert keys(link) == [f"{stem}.s"]
    assert (link.call("GET", f"{stem}.s"), 990 < link.call("TTL", f"{stem}.s") <= 1000) == (b"2", True)
    world.worker.drain()
    assert result.get(timeout=5) == 6
    assert keys(link) == [f"{stem}.c"]
    assert (link.call("GET", f"{stem}.c"), 990 < link.call("TTL", f"{stem}.c") <= 1000) == (b"done", True)


def test_a_chord_that_never_ends_is_forgotten(world, link):
    world.app.conf.result_chord_expires = 1000
    result = chord([world.add.s(1, 1), world.add.s(2, 2).set(queue="nobody")], world.total.s()).delay()
    world.worker.drain()
    stem = f"celery-taskset-meta-{result.parent.id}"
    assert keys(link) == [f"{stem}.d", f"{stem}.j", f"{stem}.s"]
    assert all(990 < link.call("TTL", key) <= 1000 for key in keys(link))
    said = json.loads(link.call("ZRANGE", f"{stem}.j", 0, -1)[0])
    assert said == [1, result.parent[0].id, "SUCCESS", 2]


def test_a_body_that_failed_ends_where_a_member_ended_when_nobody_serves_its_queue(world, link):
    result = chord([world.boom.si()], world.app.signature("not.here").set(queue="of-celery")).delay()
    world.worker.drain()
    assert (result.state, link.call("LLEN", "of-celery")) == ("FAILURE", 0)


class Joining:
    """A consumer of a lab, whose members end one by one."""

    def __init__(self, lab):
        self.broker = lab.broker()
        owner = Owner(1, "w@here", 1, "child", 0.0)
        lab.enlist(owner)
        self.consumer, self.publisher = self.broker.consumer(owner), self.broker.publisher()

    def claimed(self):
        return self.consumer.turn([], Want(("q",), 10)).deliveries

    def open(self, size):
        opening = Parcel("q", "first", "t", HEAD, b"first", 0, 0.0, (Join("join", size),))
        self.publisher.publish([opening])
        assert self.consumer.turn([Done(each) for each in self.claimed()], None).fenced == []

    def end(self, task_id, place, value=b"0", size=0, *, own=False):
        self.settle(task_id, place, value, size, own=own)
        return [each.body for each in self.claimed()]

    def settle(self, task_id, place, value, size, *, own):
        self.publisher.publish([Parcel("q", task_id, "t", HEAD, b"[]")])
        (delivery,) = self.claimed()
        then, otherwise = Parcel("q", "body", "t", HEAD, b"["), Parcel("q", "body", "t", HEAD, b"<")
        member = Member(
            join="join", id=task_id, place=place, size=size, failed=False, value=value, then=Splice(then, b"]", own),
            otherwise=Splice(otherwise, b">"),
        )  # fmt: skip
        assert self.consumer.turn([Done(delivery, members=(member,))], None).fenced == []

    def close(self):
        self.consumer.close()
        self.publisher.close()


@pytest.fixture
def joining(url):
    lab = RedisLab(url, {"global_keyprefix": "j:"})
    joining = Joining(lab)
    joining.link = lab.link
    yield joining
    joining.close()
    lab.close()


def test_a_member_need_not_know_the_size(joining):
    joining.open(2)
    assert joining.end("b", 1, b'"\\u00e9/\xc3\xa9"') == []
    assert joining.end("a", 0) == [b'[0,"\\u00e9/\xc3\xa9"]']


def test_what_only_umbel_can_run_is_kept_from_celery(joining):
    joining.settle("a", 0, b"0", 1, own=True)
    for kind in (Release, Release, lambda delivery: Park(delivery, due=clock.wall() - 1)):
        assert joining.link.call("LLEN", "j:q") == 0
        (delivery,) = joining.claimed()
        assert delivery.body == b"[0]"
        assert joining.consumer.turn([kind(delivery)], None).fenced == []
    with closing(joining.broker.shelf()) as shelf:
        assert shelf.make_plain(10) == []
    assert joining.link.call("LLEN", "j:q") == 0
    assert [each.body for each in joining.claimed()] == [b"[0]"]


def test_members_that_were_added_count(joining):
    joining.open(1)
    joining.link.call("INCR", "j:celery-taskset-meta-join.t")
    assert joining.end("b", 1) == []
    assert joining.end("a", 0) == [b"[0,0]"]


def test_a_join_that_is_opened_again_begins_anew(joining):
    joining.open(1)
    assert joining.end("a", 0) == [b"[0]"]
    assert joining.end("a", 0) == []
    assert joining.link.call("KEYS", "j:celery-taskset-meta-*") == [b"j:celery-taskset-meta-join.c"]
    joining.open(1)
    assert joining.end("a", 0, b"1") == [b"[1]"]


def test_what_celery_said_counts_and_has_its_place(joining):
    joining.open(2)
    joining.link.call("ZADD", "j:celery-taskset-meta-join.j", 0, '[1, "c", "SUCCESS", {"a": [1, "]"]}]')
    joining.link.call("SADD", "j:celery-taskset-meta-join.d", "c:0")
    assert joining.end("c", 0, b"7") == []
    assert joining.end("a", 1) == [b'[{"a": [1, "]"]},0]']


@pytest.mark.parametrize("state", ["FAILURE", "REVOKED"])
def test_what_failed_at_celery_fails_the_body(joining, state):
    joining.open(2)
    joining.link.call("ZADD", "j:celery-taskset-meta-join.j", 7, f'[1, "c", "{state}", {{"exc_type": "E"}}]')
    assert joining.end("a", 0) == [b'<["c",{"exc_type": "E"}]>']


def test_a_result_that_is_no_json_fails_the_body(joining):
    joining.open(2)
    joining.link.call("ZADD", "j:celery-taskset-meta-join.j", 7, b"\x80\x04pickle")
    (said,) = joining.end("a", 0)
    assert b"let all workers have result_serializer json" in said


TREE = '{"result": [["join", null], [[["a", null], null], [["g", null], [[["b", null], null], [["c", null], null]]]]]}'


@pytest.mark.parametrize(
    ("saved", "expected"),
    [
        (TREE, b'["0",["1","2"]]'), (TREE.replace('"c"', '"x"'), b'["0","1","2"]'), ("no JSON", b'["0","1","2"]'),
        ('{"result": [["join", null], [[["a", null], null]]]}', b'["0","1","2"]'), ("7", b'["0","1","2"]'),
    ],
)  # fmt: skip
def test_the_results_are_nested_as_a_celery_client_saved_them(joining, saved, expected):
    """Unless they do not fit: a member was added, or somebody saved another group under its id."""
    joining.open(3)
    joining.link.call("SET", "j:celery-taskset-meta-join", saved)
    assert joining.end("b", 1, b'"1"') == []
    assert joining.end("c", 2, b'"2"') == []
    assert joining.end("a", 0, b'"0"') == [expected]


def test_a_list_of_celery_stays_a_list(joining):
    """`result_chord_ordered` is off in some process: results in the order in which they came."""
    joining.open(2)
    joining.link.call("RPUSH", "j:celery-taskset-meta-join.j", '[1, "c", "SUCCESS", 9]')
    assert joining.end("a", 0) == [b"[9,0]"]


def test_what_a_celery_process_has_claimed_is_left_to_it(joining):
    joining.open(1)
    joining.link.call("SET", "j:celery-taskset-meta-join.c", "token")
    assert joining.end("a", 0) == []
    joining.link.call("DEL", "j:celery-taskset-meta-join.c")
    assert joining.end("a", 0) == [b"[0]"]


def test_what_a_celery_process_has_closed_stays_closed(joining):
    """It removes the size when it has failed the body."""
    joining.open(2)
    assert joining.end("a", 0, size=2) == []
    joining.link.call("DEL", "j:celery-taskset-meta-join.s")
    assert joining.end("b", 1, size=2) == []


def test_the_members_are_a_list_when_celery_keeps_no_order(url):
    lab = RedisLab(url, {"result_chord_ordered": False})
    joining = Joining(lab)
    assert joining.end("b", 1, b"1", size=2) == []
    assert joining.end("a", 0, b"0", size=2) == [b"[1,0]"]
    joining.close()
    lab.close()


def test_the_broker_is_told_an_option_of_results(url):
    told = {"result_chord_ordered": False}
    with Umbel("unordered", broker=url, backend=url, result_backend_transport_options=told) as app:
        assert broker_options(app.conf, app.declared)["result_chord_ordered"] is False


@pytest.mark.parametrize("head", [HEAD, b"no envelope"])
def test_a_filled_envelope_is_a_message(head):
    before, behind = parted(Parcel("q", "i", "t", head, b'["\xc3\xa9'), b'"]', clock.wall())
    content = opened(before + b"x" + behind)
    assert (content.body, content.head.startswith(head[:10])) == (b'["\xc3\xa9x"]', True)
