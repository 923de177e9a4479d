"""`delay` and `apply_async`: what is sent, and what is refused before anything is sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import msgspec
import pytest

from tests.calling.support import only, stored
from umbel import Umbel
from umbel.exceptions import AlwaysEagerIgnored, EncodeError


class Person(msgspec.Struct):
    name: str
    age: int = 0


@dataclass
class Point:
    x: int
    y: int


def test_a_call_becomes_one_message(app: Umbel):
    @app.task
    def add(x: int, y: int) -> int:
        return x + y

    result = add.delay(4, y=6)
    sent = only(app)
    assert sent.body[:2] == [[4], {"y": 6}]
    assert result.id == sent.headers["id"] == sent.parcel.id
    assert sent.parcel.name == add.name


@pytest.mark.parametrize(
    ("args", "kwargs"), [((), {}), ((1,), {}), ((1, 2, 3), {}), ((1,), {"z": 1}), ((1, 2), {"x": 1})]
)
def test_a_call_that_does_not_fit_sends_nothing(app: Umbel, args, kwargs):
    @app.task
    def add(x, y):
        return x + y

    with pytest.raises(TypeError, match="add"):
        add.delay(*args, **kwargs)
    assert stored(app) == []


def test_self_of_a_bound_task_is_not_an_argument(app: Umbel):
    @app.task(bind=True)
    def add(self, x, y):
        return x + y

    add.delay(1, 2)
    with pytest.raises(TypeError, match="cannot be called"):
        add.delay(1, 2, 3)
    assert only(app).body[0] == [1, 2]


def test_keyword_only_and_star_arguments(app: Umbel):
    @app.task
    def mixed(first, *rest, flag, **options):
        return None

    mixed.delay(1, 2, 3, flag=True, more=1)
    with pytest.raises(TypeError, match="flag"):
        mixed.delay(1, 2)
    assert only(app).body[:2] == [[1, 2, 3], {"flag": True, "more": 1}]


def test_typing_false_leaves_the_check_to_the_worker(app: Umbel):
    @app.task(typing=False)
    def add(x, y):
        return x + y

    add.delay(1, 2, 3)
    assert only(app).body[0] == [1, 2, 3]


def test_an_app_without_strict_typing_does_not_check():
    with Umbel("loose", broker="memory://loose", strict_typing=False) as app:

        @app.task
        def add(x, y):
            return x + y

        add.delay(1)
        assert only(app).body[0] == [1]


@pytest.mark.parametrize(("args", "kwargs"), [("ab", {}), (5, {}), ((1, 2), [1])])
def test_arguments_are_a_list_and_a_mapping(app: Umbel, args, kwargs):
    @app.task(typing=False)
    def add(x, y):
        return x + y

    with pytest.raises(TypeError):
        add.apply_async(args, kwargs)
    assert stored(app) == []


def test_models_travel_as_plain_json_and_others_as_celery_has_them(app: Umbel):
    @app.task
    def store(person: Person, point: Point, when: datetime, day: date, price: Decimal, key: UUID):
        return None

    moment = datetime(2030, 1, 2, tzinfo=UTC)
    store.delay(Person("Ann", 3), Point(1, 2), moment, moment.date(), Decimal("1.50"), UUID(int=5))
    person, point, when, day, price, key = only(app).body[0]
    assert person == {"name": "Ann", "age": 3}
    assert point == {"x": 1, "y": 2}
    assert when == {"__type__": "datetime", "__value__": "2030-01-02T00:00:00+00:00"}
    assert (day["__type__"], price["__value__"], key["__value__"]["hex"]) == ("date", "1.50", UUID(int=5).hex)


def test_a_dictionary_that_is_not_the_model_raises_here(app: Umbel):
    @app.task
    def store(people: list[Person]):
        return None

    store.delay([{"name": "Ann"}, Person("Bob")])
    with pytest.raises(TypeError, match="people"):
        store.delay([{"name": 5}])
    assert len(stored(app)) == 1


def test_a_default_of_none_takes_none(app: Umbel):
    @app.task
    def store(person: Person = None):
        return None

    store.delay(None)
    assert only(app).body[0] == [None]


def test_an_annotation_that_only_a_type_checker_sees_is_left_aside(app: Umbel, caplog: pytest.LogCaptureFixture):
    def function(person, point: Point):
        return None

    function.__annotations__ = {"person": "Elsewhere", "point": "Point"}
    task = app.task(function)
    assert task.arguments([{"a": 1}, {"x": 1, "y": 2}], {})[0] == [{"a": 1}, Point(1, 2)]
    assert "person" in caplog.text


def test_an_argument_that_cannot_travel_sends_nothing(app: Umbel):
    @app.task
    def take(value):
        return None

    with pytest.raises(EncodeError):
        take.delay(object())
    assert stored(app) == []


def test_called_as_a_function_it_runs_here(app: Umbel):
    @app.task(bind=True)
    def who(self, x):
        return x, self.request.called_directly, self.request.id

    assert who(3) == (3, True, None)
    assert stored(app) == []


def test_children_of_a_running_task_are_noted(app: Umbel):
    @app.task
    def child():
        return None

    @app.task(bind=True)
    def parent(self):
        return [child.delay().id, *[one.id for one in self.request.children]]

    sent, noted = parent.apply().get()
    assert sent == noted
    headers = only(app).headers
    assert headers["parent_id"] == headers["root_id"] != headers["id"]


def test_a_secret_task_shows_no_arguments(app: Umbel):
    @app.task(redact=True)
    def login(password):
        return None

    login.delay("hunter2")
    login.apply_async(("hunter2",), argsrepr="(<password>,)")
    first, second = stored(app)
    assert (first.headers["argsrepr"], first.headers["kwargsrepr"]) == ("...", "...")
    assert second.headers["argsrepr"] == "(<password>,)"
    assert "hunter2" not in first.parcel.head.decode()


def test_send_task_of_a_task_that_is_known(app: Umbel):
    @app.task(name="proj.known", queue="own", ignore_result=True)
    def known(x):
        return None

    result = app.send_task("proj.known", [1])
    sent = only(app)
    assert (sent.parcel.queue, sent.headers["ignore_result"], result.ignored) == ("own", True, True)


def test_send_task_is_never_eager(app: Umbel):
    app.conf.task_always_eager = True
    with pytest.warns(AlwaysEagerIgnored):
        app.send_task("proj.elsewhere")
    assert len(stored(app)) == 1
