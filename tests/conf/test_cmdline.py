"""Settings in the words of a command line, as Celery reads them."""

from __future__ import annotations

import pytest

from umbel.conf import overrides
from umbel.exceptions import ImproperlyConfigured, UnknownSettingWarning


@pytest.mark.parametrize(
    ("word", "name", "value"),
    [
        ("worker.prefetch_multiplier=1", "worker_prefetch_multiplier", 1),
        ("worker_prefetch_multiplier=1", "worker_prefetch_multiplier", 1),
        ("WORKER.Prefetch_Multiplier=1", "worker_prefetch_multiplier", 1),
        (".concurrency=2", "worker_concurrency", 2),
        ("_concurrency=auto", "worker_concurrency", "auto"),
        ("task.time_limit=2.5", "task_time_limit", 2.5),
        ("task.acks_late=no", "task_acks_late", False),
        ("task.acks_late=1", "task_acks_late", True),
        ("result.expires=60", "result_expires", 60),
        ("task.default_queue=a=b", "task_default_queue", "a=b"),
        ("broker.url=sqlite:///x.db", "broker_url", "sqlite:///x.db"),
        ("imports=a, b.c", "imports", ("a", "b.c")),
        ("accept_content=json,pickle", "accept_content", ("json", "pickle")),
        ('accept_content=["json"]', "accept_content", ["json"]),
        ('task.routes={"a.*": "q"}', "task_routes", {"a.*": "q"}),
        ("broker_pool_limit=(int)5", "broker_pool_limit", 5),
        ("broker_pool_limit=5", "broker_pool_limit", 5),
        ("event_queue_durable=on", "event_queue_durable", True),
        ("beat_schedule_filename=(string)5", "beat_schedule_filename", "5"),
        ("task.annotations=(dict){}", "task_annotations", {}),
        ("task.annotations=(list)[1]", "task_annotations", [1]),
        ("worker_pool_putlocks=(bool)off", "worker_pool_putlocks", False),
        ("worker_timer_precision=(float)1", "worker_timer_precision", 1.0),
        ("celeryd.pool=solo", "worker_pool", "solo"),
        ("celeryd_pool=solo", "worker_pool", "solo"),
    ],
)
def test_a_word_is_a_setting(word, name, value):
    assert overrides([word], "worker") == {name: value}
    assert type(overrides([word], "worker")[name]) is type(value)


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("solo", "'solo' is no setting: write namespace.key=value"),
        ("=5", "'=5' is no setting"),
        (".=5", "'.=5' is no setting"),
        ("worker.concurency=2", "did you mean 'worker_concurrency'"),
        ("worker.concurrency=many", 'worker_concurrency must be a whole number or "auto"; its value cannot be read'),
        ("task.acks_late=perhaps", "task_acks_late must be true or false"),
        ("task.routes={", "task_routes must be JSON"),
        ("task_time_limit=(minutes)5", "task_time_limit has a value of type 'minutes'; there are string, int"),
    ],
)
def test_what_is_wrong_is_one_sentence(word, sentence):
    with pytest.raises(ImproperlyConfigured) as caught:
        overrides([word], "worker")
    assert sentence in str(caught.value)


def test_an_unknown_name_is_kept_with_a_warning():
    with pytest.warns(UnknownSettingWarning, match="'my_own'"):
        assert overrides(["my.own=1"]) == {"my_own": "1"}


def test_a_value_is_never_shown():
    with pytest.raises(ImproperlyConfigured) as caught:
        overrides(["redis_port=hunter2"])
    assert "hunter2" not in str(caught.value)
