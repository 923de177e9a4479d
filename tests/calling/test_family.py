"""What came of a result: found, waited for and drawn, over both stores."""

from __future__ import annotations

import io
import itertools

import pytest

from umbel import EagerResult, Umbel
from umbel.exceptions import IncompleteStream
from umbel.result import GroupResult, ResultSet
from umbel.testing.worker import InProcessWorker
from umbel.utils.graph import DependencyGraph, GraphFormatter

_numbers = itertools.count()


@pytest.fixture(params=["memory", "sqlite"])
def tree(request, tmp_path):
    """A task that sends two of one less, down to 0; with the worker that runs it."""
    urls = {"memory": f"memory://family-{next(_numbers)}", "sqlite": f"sqlite:///{tmp_path}/family.db"}
    with Umbel("family", broker=urls[request.param]) as app:

        @app.task
        def split(number):
            for _ in range(2 if number else 0):
                split.delay(number - 1)
            return number

        with InProcessWorker(app) as worker:
            yield split, worker


def test_the_descendants_of_a_result(tree):
    split, worker = tree
    result = split.delay(2)
    worker.drain()
    assert [value for _, value in result.collect(timeout=5)] == [2, 1, 1, 0, 0, 0, 0]
    assert result.get_leaf() == 0
    first, *rest = result.iterdeps()
    assert first == (None, result)
    assert [parent for parent, _ in rest] == [result, result, *result.children[:1] * 2, *result.children[1:] * 2]
    graph = result.graph
    assert len(graph) == 7
    assert graph[result] == result.children
    assert [*graph.edges()] == [result, *result.children]


def test_what_has_not_ended_has_no_known_descendants(tree):
    split, worker = tree
    result = split.delay(1)
    with pytest.raises(IncompleteStream, match=f"{result.id} has not ended"):
        list(result.iterdeps())
    assert list(result.iterdeps(intermediate=True)) == [(None, result)]
    worker.drain()
    assert len(list(result.iterdeps())) == 3


def test_a_graph_is_sorted_and_drawn():
    graph = DependencyGraph([("app", ["db", 'the "cache"']), ("db", ["disk"])], GraphFormatter(root="app"))
    order = graph.topsort()
    assert sorted(order) == ["app", "db", "disk", 'the "cache"']
    assert order.index("disk") < order.index("db") < order.index("app")
    assert (graph.valency_of("app"), graph.valency_of("disk"), graph.valency_of("nobody")) == (3, 0, 0)
    file = io.StringIO()
    graph.to_dot(file)
    assert file.getvalue().splitlines() == [
        "digraph {",
        '    node [shape="box"]',
        '    "app" [peripheries="2"]',
        '    "db"',
        '    "the \\"cache\\""',
        '    "disk"',
        '    "app" -> "db"',
        '    "app" -> "the \\"cache\\""',
        '    "db" -> "disk"',
        "}",
    ]
    other = DependencyGraph([("more", [])])
    graph.connect(other)
    assert "more" in graph
    graph.add_edge("disk", "app")
    with pytest.raises(ValueError, match="in a circle"):
        graph.topsort()
    assert repr(other) == "more -> (none)"


def test_a_function_is_called_when_the_end_is_known(tree):
    split, worker = tree
    result, seen = split.delay(0), []
    assert result.then(seen.append) is result
    assert not result.ready()
    assert seen == []
    worker.drain()
    assert seen == [], "nobody has looked"
    assert result.ready()
    assert result.get(timeout=5) == 0
    assert seen == [result]
    result.then(seen.append)
    assert seen == [result, result]


def test_a_set_is_told_of_when_the_last_one_has_ended(tree):
    split, worker = tree
    early, late, seen = split.delay(0), split.apply_async((0,), countdown=1000), []
    together = GroupResult("g", [early, ResultSet([late, EagerResult("e", 1, "SUCCESS")])])
    together.then(seen.append)
    worker.drain()
    assert early.ready()
    assert seen == []
    late.revoke()
    assert late.ready()
    assert seen == [together]
    ResultSet([]).then(lambda nothing: seen.append(len(nothing)))
    assert seen == [together, 0]


def test_the_error_of_such_a_function_is_told(tree):
    split, worker = tree
    result, told, called = split.delay(0), [], []

    def fails(result):
        raise KeyError(result.id)

    result.then(fails, on_error=told.append).then(fails).then(called.append)
    worker.drain()
    with pytest.raises(KeyError, match=result.id):
        result.ready()
    assert [str(error) for error in told] == [repr(result.id)]
    assert called == [result]
    assert result.get(timeout=5) == 0, "each is called once"
