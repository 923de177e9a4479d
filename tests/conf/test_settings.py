from __future__ import annotations

import copy
import datetime as dt
import sys
import threading
import types
import warnings

import pytest

from umbel.conf import Settings
from umbel.exceptions import ImproperlyConfigured, UnknownSettingWarning

URLS = ("BROKER_URL", "BROKER_READ_URL", "BROKER_WRITE_URL", "RESULT_BACKEND")


@pytest.fixture(autouse=True)
def no_urls_in_the_environment(monkeypatch):
    for name in URLS:
        monkeypatch.delenv(f"CELERY_{name}", raising=False)
        monkeypatch.delenv(f"UMBEL_{name}", raising=False)


@pytest.fixture
def conf():
    return Settings()


def test_one_value_under_all_its_names(conf):
    conf.task_time_limit = 30
    assert conf["task_time_limit"] == conf.CELERYD_TASK_TIME_LIMIT == conf["CELERYD_TASK_TIME_LIMIT"] == 30
    conf["CELERY_TASK_SERIALIZER"] = "pickle"
    assert conf.task_serializer == "pickle"
    conf.BROKER_URL = "memory://"
    assert conf.broker_url == "memory://"


def test_names_behind_a_namespace():
    conf = Settings({"CELERY_TASK_TIME_LIMIT": 5, "task_soft_time_limit": 4}, namespace="CELERY")
    assert conf.CELERY_TASK_TIME_LIMIT == conf.task_time_limit == 5
    assert conf.CELERY_TASK_SOFT_TIME_LIMIT == 4
    assert conf.is_explicit("CELERY_TASK_TIME_LIMIT")


def test_update_takes_dicts_and_keywords(conf):
    conf.update({"result_expires": 60}, worker_concurrency=2)
    conf.update(task_track_started=True)
    assert (conf.result_expires, conf.worker_concurrency, conf.task_track_started) == (60, 2, True)


def test_the_last_value_written_is_read(conf):
    assert conf.result_expires == dt.timedelta(days=1)
    conf.result_expires = 5
    assert conf.result_expires == 5
    conf["CELERY_TASK_RESULT_EXPIRES"] = 6
    assert conf.result_expires == 6
    del conf.result_expires
    assert conf.result_expires == dt.timedelta(days=1)


def test_deleting_what_was_not_written(conf):
    with pytest.raises(KeyError, match="was not written"):
        del conf["result_expires"]


def test_explicit_is_what_the_user_wrote_even_when_it_is_the_default(conf):
    assert not conf.is_explicit("task_acks_late")
    conf.task_acks_late = True
    assert conf.is_explicit("task_acks_late")
    assert conf.is_explicit("CELERY_ACKS_LATE")


def test_it_is_a_mapping(conf):
    conf.task_time_limit = 3
    assert conf.get("task_time_limit") == 3
    assert conf.get("nothing_like_it", 7) == 7
    assert "task_time_limit" in conf
    assert "CELERYD_POOL" in conf
    assert "nothing_like_it" not in conf
    assert 5 not in conf
    assert dict(conf)["task_time_limit"] == 3
    assert len(conf) == len(list(conf)) > 200
    assert conf.setdefault("task_time_limit", 9) == 3


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("task_time_limt", "task_time_limit"),
        ("broker_urll", "broker_url"),
        ("worker_prefetch_multiplyer", "worker_prefetch_multiplier"),
        ("CELERYD_POOLL", "CELERYD_POOL"),
        ("CELERY_RESULT_BACKENDS", "CELERY_RESULT_BACKEND"),
        ("worker_concurency", "worker_concurrency"),
    ],
)
def test_a_slip_of_the_pen_is_an_error_with_the_right_name(conf, written, meant):
    with pytest.raises(ImproperlyConfigured, match=f"no setting '{written}'; did you mean '{meant}'"):
        conf[written] = 1
    with pytest.raises(AttributeError, match=meant):
        getattr(conf, written)
    with pytest.raises(KeyError, match=meant):
        conf[written]


def test_a_slip_behind_a_namespace():
    with pytest.raises(ImproperlyConfigured, match="did you mean 'CELERY_BROKER_URL'"):
        Settings({"CELERY_BROKER_URLS": "x"}, namespace="CELERY")


def test_an_unknown_name_is_kept_with_a_warning(conf):
    with pytest.warns(UnknownSettingWarning, match="'my_own'"):
        conf.my_own = 5
    assert conf.my_own == conf["my_own"] == 5
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        conf.my_own = 6  # told once
    assert conf.my_own == 6


def test_celerys_other_settings_are_accepted_silently(conf):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        conf.update(redis_max_connections=20, beat_schedule={}, CELERY_SEND_TASK_SENT_EVENT=True)
    assert conf.task_send_sent_event is True


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("worker_concurrency", "4", 'must be a whole number or "auto", not a value of type str'),
        ("worker_concurrency", 0, "must be at least 1, not 0"),
        ("worker_concurrency", 2.5, "must be a whole number"),
        ("worker_concurrency", True, "must be a whole number"),
        ("task_time_limit", "1m", "must be a number, not a value of type str"),
        ("task_time_limit", -1, "must be at least 0, not -1"),
        ("task_time_limit", float("nan"), "must be a number"),
        ("result_expires", "1 day", "must be a number of seconds or a timedelta"),
        ("task_acks_late", "no", "must be True or False, not a value of type str"),
        ("task_default_queue", "", "must be a text that is not empty"),
        ("task_default_queue", None, "must be a text that is not empty, not None"),
        ("accept_content", "json", "must be a list of texts"),
        ("accept_content", [1], "must be a list of texts"),
        ("broker_url", 5, "must be a URL, not 5"),
        ("broker_transport_options", [], "must be a dict"),
        ("timezone", "Mars/Olympus", "must be the name of a time zone"),
    ],
)
def test_a_wrong_value_is_refused_where_it_is_written(conf, name, value, sentence):
    with pytest.raises(ImproperlyConfigured, match=f"The setting {name} {sentence}"):
        conf[name] = value
    assert not conf.is_explicit(name)


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("task_acks_late", 0, False),
        ("task_acks_late", None, False),
        ("task_acks_on_failure", None, None),
        ("worker_concurrency", "auto", None),
        ("worker_concurrency", None, None),
        ("result_expires", None, None),
        ("result_expires", dt.timedelta(hours=1), dt.timedelta(hours=1)),
        ("task_time_limit", 2.5, 2.5),
        ("broker_url", ["memory://", "sqlite:///x"], ["memory://", "sqlite:///x"]),
        ("timezone", "Europe/Berlin", "Europe/Berlin"),
        ("timezone", dt.UTC, dt.UTC),
        ("accept_content", {"json"}, {"json"}),
    ],
)
def test_values_that_celery_takes(conf, name, value, kept):
    conf[name] = value
    assert conf[name] == kept
    assert type(conf[name]) is type(kept)


def test_a_wrong_value_is_never_shown(conf):
    with pytest.raises(ImproperlyConfigured) as caught:
        conf.broker_transport_options = "password=hunter2"
    assert "hunter2" not in str(caught.value)


def test_seconds(conf):
    assert conf.seconds("result_expires") == 86400.0
    assert conf.seconds("result_failure_expires") is None
    conf.result_expires = 5
    assert conf.seconds("result_expires") == 5.0


@pytest.mark.parametrize(
    ("variable", "name"),
    [
        ("CELERY_BROKER_URL", "broker_url"),
        ("UMBEL_BROKER_URL", "broker_url"),
        ("CELERY_BROKER_READ_URL", "broker_read_url"),
        ("CELERY_RESULT_BACKEND", "result_backend"),
        ("UMBEL_RESULT_BACKEND", "result_backend"),
    ],
)
def test_the_environment_wins(conf, monkeypatch, variable, name):
    conf[name] = "memory://"
    assert conf[name] == "memory://"
    monkeypatch.setenv(variable, "sqlite:////tmp/x.db")
    assert conf[name] == getattr(conf, name) == "sqlite:////tmp/x.db"
    assert Settings().is_explicit(name)


def test_umbels_variable_before_celerys_and_an_empty_one_is_none(conf, monkeypatch):
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://celery")
    monkeypatch.setenv("UMBEL_BROKER_URL", "redis://umbel")
    assert conf.broker_url == "redis://umbel"
    monkeypatch.setenv("UMBEL_BROKER_URL", "")
    assert conf.broker_url == "redis://celery"
    monkeypatch.setenv("CELERY_BROKER_URL", "")
    assert conf.broker_url is None
    assert not conf.is_explicit("broker_url")


def test_the_configuration_is_below_what_was_written_and_read_when_it_is_needed(conf):
    class Lazy:
        _reads = 0

        @property
        def task_time_limit(self):
            Lazy._reads += 1
            return 10

        task_soft_time_limit = 9

    conf.task_soft_time_limit = 5
    conf.config_from_object(Lazy())
    assert Lazy._reads == 0
    assert conf.task_soft_time_limit == 5
    assert conf.task_time_limit == 10
    assert Lazy._reads == 1
    assert conf.is_explicit("task_time_limit")


def test_a_second_configuration_takes_the_place_of_the_first(conf):
    conf.config_from_object({"task_time_limit": 1, "task_track_started": True})
    assert conf.task_time_limit == 1
    conf.config_from_object({"task_time_limit": 2})
    assert (conf.task_time_limit, conf.task_track_started) == (2, False)


def test_a_wrong_configuration_is_told_at_every_read_until_it_is_right(conf):
    conf.config_from_object({"task_time_limt": 1})
    for _ in range(2):
        with pytest.raises(ImproperlyConfigured, match="task_time_limit"):
            conf.get("task_serializer")
    conf.config_from_object({"task_time_limit": 1})
    assert conf.task_time_limit == 1


def test_forced_it_is_told_at_once(conf):
    with pytest.raises(ImproperlyConfigured, match="must be a number"):
        conf.config_from_object({"task_time_limit": "x"}, force=True)


def test_a_module_by_name(conf, monkeypatch):
    module = types.ModuleType("celeryconfig_of_a_test")
    module.__dict__.update(task_time_limit=3, os=sys, helper=lambda: 1, Some=Settings, _private=5)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    conf.config_from_object(module.__name__)
    assert conf.task_time_limit == 3
    assert [name for name in conf if name in ("os", "helper", "Some", "_private")] == []


def test_a_module_that_is_not_there(conf):
    conf.config_from_object("no_such_module_of_a_test")
    with pytest.raises(ImproperlyConfigured, match="There is no module 'no_such_module_of_a_test'"):
        conf.get("task_time_limit")
    conf.config_from_object("no_such_module_of_a_test", silent=True)
    assert conf.task_time_limit is None


def test_a_django_settings_module_with_a_namespace(conf):
    class Django:
        DEBUG = True
        DATABASES = {}  # noqa: RUF012 - as in a settings module
        TIME_ZONE = "UTC"
        CELERY_BROKER_URL = "memory://"
        CELERY_TASK_ROUTES = {"a.*": "q"}  # noqa: RUF012 - as in a settings module
        CELERYD_TASK_TIME_LIMIT = 5

    conf.config_from_object(Django, namespace="CELERY")
    assert conf.broker_url == "memory://"
    assert conf.task_routes == {"a.*": "q"}
    assert conf.task_time_limit is None, "it does not begin with CELERY_"
    assert "DEBUG" not in conf


def test_a_settings_module_of_the_old_style(conf):
    class Old:
        DEBUG = True
        CELERYD_TASK_TIME_LIMIT = 5
        BROKER_URL = "memory://"

    conf.config_from_object(Old)
    assert (conf.task_time_limit, conf.broker_url) == (5, "memory://")
    assert "DEBUG" not in conf


def test_the_new_spelling_wins_over_the_old_one(conf):
    conf.config_from_object({"task_time_limit": 1, "CELERYD_TASK_TIME_LIMIT": 2})
    assert conf.task_time_limit == 1
    conf.config_from_object({"CELERYD_TASK_TIME_LIMIT": 2, "task_time_limit": 1})
    assert conf.task_time_limit == 1


@pytest.mark.parametrize(
    ("source", "renames"),
    [
        ({"CELERY_ACKS_LATE": True, "worker_concurrency": 2}, "rename CELERY_ACKS_LATE to task_acks_late."),
        (
            {"CELERY_ACKS_LATE": True, "BROKER_URL": "memory://", "task_time_limit": 2},
            "rename task_time_limit to CELERYD_TASK_TIME_LIMIT.",
        ),
        (
            {"CELERYD_POOL": "solo", "CELERY_ACKS_LATE": True, "task_time_limit": 2, "timezone": "UTC"},
            "rename CELERYD_POOL to worker_pool, CELERY_ACKS_LATE to task_acks_late.",
        ),
    ],
)
def test_old_and_new_names_in_one_configuration_are_refused(conf, source, renames):
    conf.config_from_object(source)
    with pytest.raises(ImproperlyConfigured) as caught:
        conf.get("task_time_limit")
    assert str(caught.value).endswith(renames)


def test_both_spellings_of_a_setting_serve_releases_on_either_side(conf):
    conf.config_from_object({"CELERY_TASK_RESULT_EXPIRES": 5, "result_expires": 6, "task_time_limit": 3})
    assert (conf.result_expires, conf.task_time_limit) == (6, 3)


def test_umbels_own_settings_stand_beside_old_names(conf):
    conf.config_from_object({"CELERY_ACKS_LATE": True, "worker_shutdown_grace": 5})
    assert (conf.task_acks_late, conf.worker_shutdown_grace) == (True, 5)


def test_what_is_written_is_not_mixed_with_the_configuration(conf):
    conf.CELERYD_POOL = "solo"
    conf.config_from_object({"task_time_limit": 3})
    assert (conf.worker_pool, conf.task_time_limit) == ("solo", 3)


def test_silence_is_about_a_module_that_is_not_there(conf, monkeypatch):
    module = types.ModuleType("celeryconfig_with_a_slip")
    module.__dict__.update(task_time_limt=3)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    conf.config_from_object(module.__name__, silent=True)
    with pytest.raises(ImproperlyConfigured, match="did you mean 'task_time_limit'"):
        conf.get("task_serializer")


def test_other_defaults_are_below_the_configuration_and_above_the_tables(conf):
    conf.add_defaults({"task_time_limit": 5, "CELERYD_POOL": "solo", "task_soft_time_limit": 4})
    conf.config_from_object({"task_time_limit": 6})
    conf.task_soft_time_limit = 3
    assert (conf.task_time_limit, conf.worker_pool, conf.task_soft_time_limit) == (6, "solo", 3)
    assert conf.is_explicit("worker_pool")
    with pytest.raises(ImproperlyConfigured, match="must be a number"):
        conf.add_defaults({"task_time_limit": "x"})


def test_celerys_defaults_keep_what_was_put_into_a_default(conf):
    conf.beat_schedule["tick"] = {"task": "t"}
    conf.use_celery_defaults()
    assert conf.beat_schedule == {"tick": {"task": "t"}}


def test_a_settings_module_may_look_at_its_own_app(conf):
    seen = []

    class Looking:
        @property
        def task_time_limit(self):
            seen.append(conf.task_track_started)
            return 4

        task_track_started = True

    conf.config_from_object(Looking())
    assert conf.task_time_limit == 4
    assert seen == [False]
    assert conf.task_track_started is True


def test_a_thread_that_reads_while_another_one_loads_sees_the_configuration(conf):
    loading, go_on = threading.Event(), threading.Event()

    class Slow:
        @property
        def task_time_limit(self):
            if not loading.is_set():
                loading.set()
                assert go_on.wait(10)
            return 4

    conf.config_from_object(Slow())
    first = threading.Thread(target=lambda: conf.task_time_limit)
    first.start()
    assert loading.wait(10)
    assert conf.task_time_limit == 4
    go_on.set()
    first.join(10)
    assert not first.is_alive()


def test_reports_hide_secrets(conf):
    conf.update(
        broker_url="redis://u:hunter2@h/0", security_key_password=b"hunter2", redis_password="hunter2",
        broker_transport_options={"password": "hunter2", "ssl": {"api_key": "hunter2"}, "a": 1},
        result_backend=["redis://:hunter2@h"], task_default_routing_key="plain", task_time_limit=3,
    )  # fmt: skip
    table = conf.table()
    assert "hunter2" not in repr(table)
    assert "hunter2" not in repr(conf)
    assert table["broker_url"] == "redis://u:**@h/0"
    assert table["broker_transport_options"]["a"] == 1
    assert table["task_time_limit"] == 3
    assert table["task_default_routing_key"] == "plain", "a key, and no secret"
    assert "worker_pool" not in table
    assert conf.table(with_defaults=True)["worker_pool"] == "prefork"
    assert conf.table(censored=False)["redis_password"] == "hunter2"


def test_it_can_be_copied(conf):
    conf.task_time_limit = 4
    twin = copy.deepcopy(conf)
    twin.task_time_limit = 5
    assert (conf.task_time_limit, twin.task_time_limit) == (4, 5)


def test_another_version_of_the_message_format_is_refused(conf):
    conf.task_protocol = 2
    with pytest.raises(ImproperlyConfigured, match="task_protocol must be 2, not 1: umbel reads and writes version 2"):
        conf.task_protocol = 1
    with pytest.raises(ImproperlyConfigured, match="task_protocol must be 2"):
        conf["CELERY_TASK_PROTOCOL"] = 1
