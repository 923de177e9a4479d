"""Signatures: Celery's dictionary, and how arguments and options merge."""

from __future__ import annotations

import copy
import json
import pickle
from datetime import UTC, datetime

import pytest

from tests.calling.support import only, stored
from umbel import Signature, Umbel, maybe_signature, signature
from umbel.canvas import follow_up
from umbel.context import Context
from umbel.exceptions import ImproperlyConfigured, InvalidTaskError
from umbel.ids import derived_id
from umbel.message import Headers
from umbel.serialization import decode_json


@pytest.fixture
def add(app: Umbel):
    @app.task(name="proj.add")
    def add(x, y, z=0):
        return x + y + z

    return add


def test_it_is_celerys_dictionary(add):
    form = add.s(1, y=2).set(queue="q")
    assert dict(form) == {
        "task": "proj.add", "args": (1,), "kwargs": {"y": 2}, "options": {"queue": "q"}, "subtask_type": None,
        "immutable": False,
    }  # fmt: skip
    assert list(form) == ["task", "args", "kwargs", "options", "subtask_type", "immutable"]
    assert json.loads(json.dumps(form)) == {**form, "args": [1]}


def test_arguments_are_put_in_front_and_keywords_win(add):
    assert add.s(2, z=5).clone((1,), {"z": 9}) == add.s(1, 2, z=9)
    assert add.s(2, z=5)(1) == 8
    assert add.s(2).apply((1,)).get() == 3


def test_immutable_takes_options_only(add):
    form = add.si(1, 2)
    assert form.clone((9,), {"z": 9}, queue="q") == add.si(1, 2).set(queue="q")
    assert form.set(immutable=False).clone((9,)).args == (9, 1, 2)


def test_a_copy_has_its_own_callbacks(add):
    form = add.s(1)
    form.link(add.s(2))
    other = form.clone()
    other.link(add.s(3))
    assert (len(form.options["link"]), len(other.options["link"])) == (1, 2)
    assert copy.deepcopy(form) == form
    assert pickle.loads(pickle.dumps(form)) == form


def test_links_are_not_doubled(add):
    form = add.s(1)
    callback, errback = add.s(2), add.s(3)
    assert form.link(callback) is callback
    form.link(add.s(2))
    assert form.on_error(errback) is form
    assert (form.options["link"], form.options["link_error"]) == ([callback], [errback])


def test_replace(add):
    assert add.s(1, z=2).replace(args=(5,), options={"queue": "q"}) == add.s(5, z=2).set(queue="q")


def test_a_group_keeps_its_id(add):
    assert add.s().set(group_id="g").clone(group_id="h", queue="q").options == {"group_id": "g", "queue": "q"}


def test_frozen_it_has_its_id(app: Umbel, add):
    form = add.s(1, 2)
    result = form.freeze("own", root_id="r")
    assert (result.id, form.id, form.freeze().id) == ("own", "own", "own")
    form.delay()
    assert (only(app).parcel.id, only(app).headers["root_id"]) == ("own", "r")


def test_sent_with_its_links(app: Umbel, add):
    add.s(1).set(countdown=10, link=[add.s(3)]).delay(2)
    sent = only(app)
    assert sent.body[0] == [2, 1]
    assert sent.body[2]["callbacks"] == [json.loads(json.dumps(add.s(3)))]
    assert sent.headers["eta"]


def test_by_name_without_the_task(app: Umbel):
    signature("elsewhere.work", (1,), {"y": 2}, countdown=5, app=app).delay(0)
    sent = only(app)
    assert (sent.headers["task"], sent.body[:2]) == ("elsewhere.work", [[0, 1], {"y": 2}])
    assert sent.headers["ignore_result"] is None


def test_without_any_app():
    with pytest.raises(ImproperlyConfigured, match="Umbel"):
        signature("elsewhere.work").delay()


def test_from_other_forms(add):
    form = add.s(1)
    assert signature(form) == form
    assert signature(form) is not form
    assert maybe_signature(form) is form
    assert isinstance(maybe_signature(dict(form)), Signature)
    assert maybe_signature(None) is None


def test_shown_as_a_call(add):
    assert repr(add.s(1, z="a")) == "proj.add(1, z='a')"


def parent() -> Context:
    return Context(Headers("p", "parent-id", root_id="root"), None)


def test_callbacks_of_a_settle_have_ids_that_repeat(app: Umbel, add):
    form = json.loads(json.dumps(add.s(10).set(queue="q")))
    first, again, other = [follow_up(app, form, (5,), parent(), position)[0] for position in (0, 0, 1)]
    assert first.id == again.id == derived_id("parent-id", 0) != other.id
    assert (first.queue, first.name) == ("q", "proj.add")
    assert json.loads(first.body)[0] == [5, 10]
    headers = json.loads(first.head)["headers"]
    assert (headers["parent_id"], headers["root_id"]) == ("parent-id", "root")
    assert follow_up(app, add.s(1).set(task_id="own"), (5,), parent(), 0)[0].id == "own"
    assert json.loads(follow_up(app, add.si(1, 2), (5,), parent(), 0)[0].body)[0] == [1, 2]
    assert stored(app) == []


@pytest.mark.parametrize("form", [{}, {"task": None}, {"task": "proj.x", "subtask_type": "nobody"}])
def test_what_is_no_signature_is_no_callback(app: Umbel, form):
    with pytest.raises(InvalidTaskError, match=r"signature|kind of workflow"):
        follow_up(app, form, (), parent(), 0)


def test_a_minimal_callback_of_a_stranger(app: Umbel):
    (parcel,) = follow_up(app, {"task": "elsewhere.work"}, (1,), parent(), 0)
    assert json.loads(parcel.body)[:2] == [[1], {}]


def test_callbacks_of_callbacks_and_moments_travel(app: Umbel, add):
    moment = datetime(2035, 1, 1, tzinfo=UTC)
    inner = add.s(3).set(eta=moment)
    add.apply_async((1, 2), link=add.s(2).set(link=[inner], priority=4))
    callback = decode_json(only(app).parcel.body)[2]["callbacks"][0]
    assert callback["options"]["priority"] == 4
    assert callback["options"]["link"] == [{**inner, "args": [3]}]
    (following,) = follow_up(app, callback["options"]["link"][0], (5,), parent(), 0)
    assert following.due == moment.timestamp()
