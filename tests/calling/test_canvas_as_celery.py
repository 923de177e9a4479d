"""Random workflows, built here and in Celery itself: the same dictionaries, and the same ids after freezing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.calling.canvases import EXPRESSIONS, Kit, Renamed, frozen, kit_of, our_kit, plain
from tests.support import scale
from umbel.current import set_app

celery = pytest.importorskip("celery")

JOINED = "celery.accumulate"
OURS = our_kit(10)
THEIRS = kit_of(celery.Celery("canvases", broker="memory://", backend="cache+memory://", set_as_current=False), celery)


single = st.tuples(st.just("task"), st.integers(0, 3), st.booleans())
trees = st.recursive(
    single,
    lambda inner: st.one_of(
        st.tuples(st.just("|"), inner, inner),
        st.tuples(st.just("chain"), st.lists(inner, min_size=1, max_size=4)),
        st.tuples(st.just("group"), st.lists(inner, max_size=3)),
        st.tuples(st.just("chord"), st.lists(inner, max_size=3), inner),
        st.tuples(st.just("link"), inner),
        st.tuples(st.just("errback"), inner),
        st.tuples(st.just("clone"), inner),
        st.tuples(st.just("set"), inner),
        st.tuples(st.just("stamp"), inner, st.sampled_from("xy"), st.booleans()),
    ),
    max_leaves=12,
)


A = ("task", 0, False)
NOTHING = ("group", [])


def built(tree: Any, kit: Kit) -> Any:
    kind, *rest = tree
    if kind == "task":
        number, immutable = rest
        return (kit.add.si if immutable else kit.add.s)(number)
    if kind == "|":
        return built(rest[0], kit) | built(rest[1], kit)
    if kind in ("chain", "group"):
        return getattr(kit, kind)([built(one, kit) for one in rest[0]])
    if kind == "chord":
        return kit.chord([built(one, kit) for one in rest[0]], built(rest[1], kit))
    return changed(kind, built(rest[0], kit), rest[1:], kit)


def changed(kind: str, form: Any, rest: list[Any], kit: Kit) -> Any:
    if kind == "clone":
        return form.clone()
    if kind == "set":
        return form.set(queue="q")
    if kind == "stamp":
        form.stamp(append_stamps=rest[1], **{rest[0]: "value"})
    else:
        getattr(form, "link" if kind == "link" else "link_error")(kit.err.s())
    return form


def tried(tree: Any, kit: Kit) -> Any:
    try:
        return built(tree, kit)
    except (IndexError, TypeError, AttributeError) as error:
        return error


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
@settings(max_examples=scale.count(full=20_000, small=300), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example(("|", A, ("group", [NOTHING, ("errback", NOTHING)])))
@example(("|", ("|", A, A), ("group", [NOTHING])))
@example(("|", ("chord", [], A), ("group", [NOTHING])))
@example(("errback", ("chord", [], NOTHING)))
@given(trees)
def test_random_workflows(tree: Any):
    set_app(OURS.add.app)  # a workflow without any task asks the current app
    mine, theirs = tried(tree, OURS), tried(tree, THEIRS)
    if isinstance(theirs, Exception):
        return  # where Celery fails there is nothing to be equal to
    assert not isinstance(mine, Exception), mine
    assert Renamed()(plain(mine)) == Renamed()(plain(theirs))
    assert type(mine).__name__ == type(theirs).__name__
    expected = frozen(theirs)
    if not isinstance(expected, str):
        found = frozen(mine)
        # a member of a header that ends in a group is one result here, in Celery as many as the group has tasks
        assert found == expected or JOINED in json.dumps(found)


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_the_expressions_of_the_record(name: str):
    assert frozen(EXPRESSIONS[name](OURS)) == frozen(EXPRESSIONS[name](THEIRS))
