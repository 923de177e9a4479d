"""The messages of workflows are those that Celery 5.7 sent for the same expressions.

A chord's body has one key more, ``chord_size``, as older releases of Celery wrote it, and the head of what belongs to a
chord has a header more, ``umbel_chord``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import umbel
from tests.calling.canvases import Renamed
from tests.calling.support import stored
from umbel import Umbel, chain, chord, group
from umbel.message import CHORD_HEADER
from umbel.serialization import encode_json

SAMPLES = Path(__file__).parent.parent / "wire" / "data" / "celery-5.7" / "redis-v2"
CASES = {
    "11-chain": lambda t: chain(t.add.s(1, 2), t.mul.s(3), t.add.s(4))(),
    "12-group": lambda t: group(t.add.s(1, 2), t.add.s(3, 4))(),
    "13-chord": lambda t: chord([t.add.s(1, 2), t.add.s(3, 4)], t.tsum.s())(),
    "30-nested-chord": lambda t: chord(
        [t.add.s(1, 2), chord([t.add.s(3, 4), t.add.s(5, 6)], t.tsum.s())], t.tsum.s()
    ).delay(),
    "32-group-of-chains-chord": lambda t: chord(
        [t.add.s(1, 1) | t.mul.s(2), t.add.s(2, 2) | t.mul.s(3)], t.tsum.s()
    ).delay(),
    "14-chain-group-task": lambda t: (t.add.s(1, 2) | group(t.add.s(1), t.mul.s(2)) | t.tsum.s())(),
    "15-immutable": lambda t: (t.add.s(1, 2) | t.add.si(5, 6))(),
    "16-stamped-chain": lambda t: stamped(t.add.s(1, 2) | t.mul.s(3), tenant="acme", trace_id="t-1")(),
    "17-stamped-kw": lambda t: stamped(t.add.s(1, 2), tenant="acme").apply_async(),
    "26-chunks": lambda t: t.add.chunks(list(zip(range(4), range(4), strict=True)), 2)(),
    "27-map": lambda t: t.tsum.map([[1, 2], [3, 4]]).apply_async(),
    "28-starmap": lambda t: t.add.starmap([(1, 2), (3, 4)]).apply_async(),
}


IDS = ("id", "root_id", "parent_id", "group")


class Tasks:
    def __init__(self, app: Umbel) -> None:
        def add(x, y, z=0):
            return x + y + z

        def mul(x, y):
            return x * y

        def tsum(values):
            return sum(values)

        self.add, self.mul, self.tsum = (app.task(name=f"capapp.{f.__name__}")(f) for f in (add, mul, tsum))


def stamped(form: Any, **headers: Any) -> Any:
    form.stamp(**headers)
    return form


def comparable(headers: dict[str, Any], body: Any) -> Any:
    """A message without what belongs to the process that sent it; ids in the order in which they are met."""
    renamed = Renamed()
    ids = [renamed.id(headers[name]) for name in ("id", "root_id", "parent_id", "group")]
    rest = {
        name: value
        for name, value in headers.items()
        if name not in ("id", "root_id", "parent_id", "group", "origin", CHORD_HEADER)
    }
    return [ids, rest, renamed(without_sizes(body))]


def order(message: Any) -> str:
    return json.dumps([message[2][0], message[1]["group_index"]])


def without_sizes(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_sizes(one) for key, one in value.items() if key != "chord_size"}
    return [without_sizes(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("case", CASES)
def test_messages_are_celerys(case: str, app: Umbel):
    CASES[case](Tasks(app))
    assert stored(app)
    mine = [comparable(sent.headers, sent.body) for sent in stored(app)]
    captured = json.loads((SAMPLES / f"{case}.json").read_text())["messages"]
    theirs = [comparable(one["raw"]["headers"], one["body_decoded"]) for one in captured]
    assert sorted(mine, key=order) == sorted(theirs, key=order)


def test_a_member_that_cannot_travel_keeps_all_at_home(app: Umbel):
    add = Tasks(app).add
    with pytest.raises(umbel.exceptions.EncodeError):
        group([add.s(1, 2), add.s(1, object())])()
    assert stored(app) == []


def test_a_group_goes_in_few_steps(app: Umbel, monkeypatch: pytest.MonkeyPatch):
    sizes = []
    publish = type(app).publish

    def counted(self, parcels, retry_policy=None):
        sizes.append(len(parcels))
        publish(self, parcels, retry_policy)

    monkeypatch.setattr(type(app), "publish", counted)
    result = group(Tasks(app).add.s(n, n) for n in range(2500))()
    assert len(result) == len(stored_ids(app)) == 2500
    assert [size for size in sizes if size > 1] == [1000, 1000, 500]


def stored_ids(app: Umbel) -> set[str]:
    return {item.parcel.id for item in app.broker.shelf().items("ready", limit=5000)}


def test_a_long_chain_is_one_message_with_64_kilobytes_of_what_follows_it(app: Umbel):
    add = Tasks(app).add
    result = chain(add.s(0, 0), *[add.s(1)] * 9_999)()
    (sent,) = stored(app)
    link, *steps = sent.body[2]["chain"]
    assert link["task"] == "umbel.continue"
    assert link["kwargs"]["end"]["options"]["task_id"] == result.id
    assert 300 < len(steps) < 400
    assert len(encode_json(sent.body)) < 65_536
    assert len(result.as_list()) == 10_000


def test_what_a_task_class_does_when_it_is_sent_happens_for_every_member(app: Umbel):
    class Tenant(umbel.Task):
        def apply_async(self, args=None, kwargs=None, **options):
            return super().apply_async(args, kwargs, **{**options, "headers": {"tenant": "acme"}})

    @app.task(name="t.work", base=Tenant)
    def work(x):
        return x

    group(work.s(1), work.s(2))()
    (work.s(1) | work.s())()
    assert [sent.headers["tenant"] for sent in stored(app)] == ["acme"] * 3


def test_a_chord_is_refused_where_nobody_joins(app: Umbel):
    t = Tasks(app)
    app.conf.result_backend = "db+sqlite://"
    with pytest.raises(umbel.exceptions.ImproperlyConfigured, match="chord"):
        (group(t.add.s(1, 2), t.add.s(3, 4)) | t.tsum.s())()
    assert stored(app) == []
