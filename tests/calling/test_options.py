"""Options of a call: which are allowed, what becomes of them, and who wins."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime, timedelta, timezone

import pytest

from tests.calling.support import only, stored
from umbel import Priority, Umbel
from umbel.exceptions import CeleryWarning, ImproperlyConfigured, QueueNotFound
from umbel.testing.clock import moved_clock


@pytest.fixture
def add(app: Umbel):
    @app.task(name="proj.add")
    def add(x, y):
        return x + y

    return add


def test_naive_eta_is_in_the_zone_of_the_app(app: Umbel, add):
    app.conf.timezone = "Europe/Berlin"
    add.apply_async((1, 2), eta=datetime(2030, 7, 1, 12))  # noqa: DTZ001 - naive on purpose
    sent = only(app)
    assert sent.headers["eta"] == "2030-07-01T12:00:00+02:00"
    assert sent.parcel.due == datetime(2030, 7, 1, 10, tzinfo=UTC).timestamp()


def test_naive_eta_is_utc_without_a_zone(app: Umbel, add):
    add.apply_async((1, 2), eta=datetime(2030, 7, 1, 12))  # noqa: DTZ001 - naive on purpose
    assert only(app).headers["eta"] == "2030-07-01T12:00:00+00:00"


def test_eta_as_text_keeps_its_offset(app: Umbel, add):
    add.apply_async((1, 2), eta="2030-07-01T12:00:00+05:30")
    sent = only(app)
    assert sent.headers["eta"] == "2030-07-01T12:00:00+05:30"
    assert sent.parcel.due == datetime(2030, 7, 1, 12, tzinfo=timezone(timedelta(hours=5.5))).timestamp()


def test_countdown_that_cannot_be_written(add):
    with pytest.raises(ValueError, match="countdown"):
        add.apply_async((1, 2), countdown=-2147483649)


def test_expired_when_sent_is_told_and_recorded(app: Umbel, add):
    with pytest.warns(CeleryWarning, match="past"):
        add.apply_async((1, 2), expires=datetime(2020, 1, 1, tzinfo=UTC))
    sent = only(app)
    assert (sent.headers["expires"], sent.properties["expiration"]) == ("2020-01-01T00:00:00+00:00", "0")


def test_soft_limit_above_the_hard_one(app: Umbel, add):
    with pytest.raises(ValueError, match="soft_time_limit"):
        add.apply_async((1, 2), soft_time_limit=20, time_limit=10)
    assert stored(app) == []


@pytest.mark.parametrize(
    ("given", "stored_as"), [(Priority.HIGH, 9), (Priority.NORMAL, 5), (Priority.LOW, 0), (7, 7), (None, 0)]
)
def test_priorities(app: Umbel, add, given, stored_as):
    add.apply_async((1, 2), priority=given)
    sent = only(app)
    assert (sent.parcel.priority, sent.properties["priority"]) == (stored_as, stored_as)


@pytest.mark.parametrize("priority", [-1, 10])
def test_a_priority_outside_of_the_scale(add, priority):
    with pytest.raises(ValueError, match="0 to 9"):
        add.apply_async((1, 2), priority=priority)


def test_the_caller_wins_over_the_task_and_the_task_over_the_settings(app: Umbel):
    app.conf.update(task_time_limit=30, task_default_priority=1, task_default_queue="fallback")

    @app.task(queue="tasks", priority=3)
    def work():
        return None

    work.delay()
    work.apply_async(queue="callers", priority=8, time_limit=5)
    first, second = stored(app)
    assert (first.parcel.queue, first.parcel.priority, first.headers["timelimit"]) == ("tasks", 3, [30, None])
    assert (second.parcel.queue, second.parcel.priority, second.headers["timelimit"]) == ("callers", 8, [5, None])


def test_routes(app: Umbel, add):
    app.conf.task_routes = {"proj.*": {"queue": "routed", "priority": 4}}
    add.delay(1, 2)
    add.apply_async((1, 2), queue="mine")
    by_queue = {message.parcel.queue: message.parcel.priority for message in stored(app)}
    assert by_queue == {"routed": 4, "mine": 4}


def test_settings_that_change_later_count(app: Umbel, add):
    add.delay(1, 2)
    app.conf.task_default_queue = "later"
    app.conf.task_ignore_result = True
    add.delay(1, 2)
    sent = {message.parcel.queue: message.headers["ignore_result"] for message in stored(app)}
    assert sent == {"celery": False, "later": True}


def test_a_queue_that_must_be_declared(app: Umbel, add):
    app.conf.update(task_queues=["celery", "mail"], task_create_missing_queues=False)
    add.apply_async((1, 2), queue="mail")
    with pytest.raises(QueueNotFound, match="nowhere"):
        add.apply_async((1, 2), queue="nowhere")
    assert only(app).parcel.queue == "mail"


def test_an_exchange_with_its_key_leads_to_the_queue_of_that_name(app: Umbel, add):
    add.apply_async((1, 2), exchange="direct", routing_key="mail")
    sent = only(app)
    assert sent.parcel.queue == "mail"
    assert sent.properties["delivery_info"] == {"exchange": "direct", "routing_key": "mail"}


def test_unknown_serializer_and_compression(add):
    with pytest.raises(ImproperlyConfigured, match="serializer"):
        add.apply_async((1, 2), serializer="nope")
    with pytest.raises(ImproperlyConfigured, match=r"no compression 'zap'; choose one of: .*bzip2, gzip"):
        add.apply_async((1, 2), compression="zap")


def test_pickle_when_it_is_named(app: Umbel, add):
    add.apply_async(({1, 2}, 3), serializer="pickle")
    sent = only(app)
    assert sent.content_type == "application/x-python-serialize"
    assert isinstance(sent.body, bytes)


def test_custom_headers_win_over_celerys(app: Umbel, add):
    add.apply_async((1, 2), headers={"tenant": "acme", "origin": "me", "at": datetime(2030, 1, 1, tzinfo=UTC)})
    headers = only(app).headers
    assert (headers["tenant"], headers["origin"]) == ("acme", "me")
    assert headers["at"]["__type__"] == "datetime"


def test_what_is_no_option_becomes_a_property(app: Umbel, add):
    add.apply_async((1, 2), app_id="shop", connection=None)
    assert only(app).properties["app_id"] == "shop"


def test_stamps(app: Umbel, add):
    add.apply_async((1, 2), stamped_headers=["batch"], batch="b-1")
    sent = only(app)
    assert (sent.headers["stamped_headers"], sent.headers["stamps"]) == (["batch"], {"batch": "b-1"})
    assert "batch" not in sent.properties


def test_text_that_is_no_unicode_still_travels(app: Umbel, add):
    add.delay("\ud800", 2)
    assert only(app).body[0] == ["\ud800", 2]


def test_a_shadow_name_that_the_task_makes(app: Umbel):
    def shadow_name(self, args, kwargs, options):
        return f"work for {args[0]}"

    @app.task(shadow_name=shadow_name)
    def work(who):
        return None

    work.delay("ann")
    work.delay("bob")
    assert [message.headers["shadow"] for message in stored(app)] == ["work for ann", "work for bob"]


def test_an_expiring_task_is_not_given_an_old_moment(app: Umbel):
    @app.task(expires=60)
    def work():
        return None

    with moved_clock() as hands:
        work.delay()
        hands.advance(3600)
        work.delay()
        first, second = [datetime.fromisoformat(message.headers["expires"]) for message in stored(app)]
    assert second - first >= timedelta(hours=1)


def test_children_inherit_the_priority_when_asked(app: Umbel, add):
    app.conf.task_inherit_parent_priority = True

    @app.task
    def parent():
        add.delay(1, 2)

    parent.apply(priority=6)
    assert only(app).parcel.priority == 6
    assert only(app).properties["priority"] == 6


def test_no_warning_for_options_that_celery_has(app: Umbel, add):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        add.apply_async((1, 2), mandatory=True, immediate=False, exchange_type="direct", delivery_mode=1)
    assert caught == []
    assert set(only(app).properties) == {"correlation_id", "reply_to", "delivery_mode", "delivery_info", "priority"}
