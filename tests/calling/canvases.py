"""The same workflows in umbel and in Celery: expressions over a kit of tasks, and how they are compared."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from umbel import Umbel, canvas


class Kit(NamedTuple):
    """The names that an expression uses, those of one library."""

    app: Any
    add: Any
    mul: Any
    tsum: Any
    err: Any
    chain: Any
    group: Any
    chord: Any
    chunks: Any
    signature: Any

    def a(self) -> Any:
        return self.add.s(1, 1)

    def b(self) -> Any:
        return self.mul.s(2)

    def c(self) -> Any:
        return self.tsum.s()

    def d(self) -> Any:
        return self.add.si(3, 3)

    def group_of(self, size: int) -> Any:
        return self.group(*[[], [[self.a()]], [self.a(), self.mul.s(2, 2)]][size])

    def pair(self) -> Any:
        return self.chord([self.a(), self.a()], self.c())

    def later(self) -> Any:
        return self.chord([self.b(), self.b()], self.c())


def kit_of(app: Any, library: Any) -> Kit:
    def add(x, y=0, k=0):
        return x + y + k

    def mul(x, y=1):
        return x * y

    def tsum(numbers):
        return sum(numbers)

    def err(task_id):
        return task_id

    made = [app.task(name=f"t.{function.__name__}")(function) for function in (add, mul, tsum, err)]
    return Kit(
        app, *made, library.chain, library.group, library.chord, library.chunks, library.signature
    )  # fmt: skip


def our_kit(number: int) -> Kit:
    return kit_of(Umbel("canvases", broker=f"memory://canvas-{number}", set_as_current=False), canvas)


def with_link(form: Any, link: str, other: Any) -> Any:
    getattr(form, link)(other)
    return form


def stamped(form: Any, **options: Any) -> Any:
    form.stamp(**options)
    return form


def plain(value: Any) -> Any:
    """As it travels."""
    return json.loads(json.dumps(value, default=list))


EXPRESSIONS: dict[str, Callable[[Kit], Any]] = {
    "a": lambda t: t.a(),
    "a|b": lambda t: t.a() | t.b(),
    "a|b|c": lambda t: t.a() | t.b() | t.c(),
    "a|(b|c)": lambda t: t.a() | (t.b() | t.c()),
    "(a|b)|(c|d)": lambda t: (t.a() | t.b()) | (t.c() | t.d()),
    "a|chord": lambda t: t.a() | t.later(),
    "a|g0": lambda t: t.a() | t.group_of(0),
    "a|g1": lambda t: t.a() | t.group_of(1),
    "a|g2": lambda t: t.a() | t.group_of(2),
    "a|g2|c": lambda t: t.a() | t.group_of(2) | t.c(),
    "a|g2|g2": lambda t: t.a() | t.group_of(2) | t.group_of(2),
    "a|g2|g2|c": lambda t: t.a() | t.group_of(2) | t.group_of(2) | t.c(),
    "chain()": lambda t: t.chain(),
    "chain([])": lambda t: t.chain([]),
    "chain([a])": lambda t: t.chain([t.a()]),
    "chain(a)": lambda t: t.chain(t.a()),
    "chain(a,b)": lambda t: t.chain(t.a(), t.b()),
    "chain(a,chain(b,c))": lambda t: t.chain(t.a(), t.chain(t.b(), t.c())),
    "chain(chord,b)": lambda t: t.chain(t.pair(), t.b()),
    "chain(g2,c)": lambda t: t.chain(t.group_of(2), t.c()),
    "chain(gen)": lambda t: t.chain(t.add.s(n) for n in range(3)),
    "chain.link": lambda t: with_link(t.chain(t.a(), t.b()), "link", t.mul.s(1)),
    "chain.link_error": lambda t: with_link(t.chain(t.a(), t.b()), "link_error", t.err.s()),
    "chord([],c)": lambda t: t.chord([], t.c()),
    "chord([a,a],c)": lambda t: t.pair(),
    "chord([a,chord([b,b],c)],c)": lambda t: t.chord([t.a(), t.later()], t.c()),
    "chord([a])": lambda t: t.chord([t.a()]),
    "chord(a|b,c)": lambda t: t.chord(t.a() | t.b(), t.c()),
    "chord(g2, c|b)": lambda t: t.chord(t.group_of(2), t.c() | t.b()),
    "chord(g2, g2)": lambda t: t.chord(t.group_of(2), t.group_of(2)),
    "chord(g2,c)": lambda t: t.chord(t.group_of(2), t.c()),
    "chord|b": lambda t: t.pair() | t.b(),
    "chord|chord": lambda t: t.pair() | t.later(),
    "chord|g2": lambda t: t.pair() | t.group_of(2),
    "chunks": lambda t: t.chunks(t.add.s(), [(1, 1), (2, 2), (3, 3)], 2),
    "clone-partial": lambda t: t.add.s(2).clone((1,), {"k": 1}, countdown=3),
    "from_dict": lambda t: t.signature({**plain(t.add.s(1, 2))}, app=t.app),
    "from_dict_chain": lambda t: t.signature(plain(t.chain(t.a(), t.b())), app=t.app),
    "g0|a": lambda t: t.group_of(0) | t.a(),
    "g1|c": lambda t: t.group_of(1) | t.c(),
    "g2|c": lambda t: t.group_of(2) | t.c(),
    "g2|g0": lambda t: t.group_of(2) | t.group_of(0),
    "g2|g2": lambda t: t.group_of(2) | t.group_of(2),
    "group([a])": lambda t: t.group([t.a()]),
    "group(a,g2)": lambda t: t.group(t.a(), t.group_of(2)),
    "group(a|b,c)": lambda t: t.group(t.a() | t.b(), t.c()),
    "group(g2)": lambda t: t.group(t.group_of(2)),
    "group(gen)": lambda t: t.group(t.add.s(n, n) for n in range(3)),
    "group.link": lambda t: with_link(t.group_of(2), "link", t.mul.s(1)),
    "group.link_error": lambda t: with_link(t.group_of(2), "link_error", t.err.s()),
    "immutable-clone": lambda t: t.add.si(2).clone((1,), {"k": 1}, countdown=3),
    "link list": lambda t: with_link(with_link(t.add.s(1), "link", t.mul.s(1)), "link", t.mul.s(2)),
    "map": lambda t: t.tsum.map([[1], [2]]),
    "starmap": lambda t: t.add.starmap([(1, 1)]),
    "replace": lambda t: t.add.s(1).replace(args=(9,)),
    "set+link": lambda t: with_link(t.add.s(1).set(countdown=5, queue="q"), "link_error", t.err.s()),
    "si": lambda t: t.d(),
    "stamp": lambda t: stamped(t.chain(t.a(), t.b()), t="x"),
    "stamp-append": lambda t: stamped(stamped(t.a(), t="x"), append_stamps=True, t="y"),
    "stamp-chord": lambda t: stamped(t.chord(t.group_of(2), t.c()), t="x"),
    "stamp-group": lambda t: stamped(t.group([t.a(), t.mul.s(2, 2)]), t="x"),
    "stamp-twice": lambda t: stamped(stamped(t.a(), t="x"), t="y"),
}


class Renamed:
    """Ids in the order in which they are met, so that two runs can be compared."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}

    def __call__(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self.field(key, value[key]) for key in sorted(value)}
        return [self(one) for one in value] if isinstance(value, list | tuple) else value

    def field(self, key: str, value: Any) -> Any:
        if key == "reply_to":
            return "OID"
        if key == "stamped_headers":
            return sorted(value)
        return self.id(value) if key.endswith("_id") else self(value)

    def id(self, value: Any) -> Any:
        return value if value is None else self.names.setdefault(value, f"id-{len(self.names)}")

    def result(self, form: Any) -> Any:
        """A result's tuple."""
        (task_id, parent), members = form
        return [
            self.id(task_id),
            None if parent is None else self.result(parent),
            None if members is None else [self.result(one) for one in members],
        ]


def frozen(form: Any) -> Any:
    """What freezing makes of an expression: the result's structure and the dictionary, ids renamed alike."""
    try:
        result = form.freeze()
    except Exception as error:  # what cannot be frozen cannot be frozen in both
        return type(error).__name__
    renamed = Renamed()
    known = None if result is None else renamed.result(result.as_tuple())
    return [known, renamed(plain(form))]
