"""``app.connection()``, ``app.loader``, and the small functions that packages written for Celery import."""

from __future__ import annotations

import pytest

from umbel import Umbel
from umbel.broker import Owner
from umbel.exceptions import ImproperlyConfigured, OperationalError
from umbel.loading import instantiate
from umbel.routing import Exchange, Queue
from umbel.utils.encoding import bytes_to_str, safe_repr, safe_str, str_to_bytes


class Wordless:
    def __str__(self) -> str:
        raise ValueError("no words")

    __repr__ = __str__


@pytest.mark.parametrize(
    ("url", "shown", "technology"),
    [
        ("redis://:secret@host:6379/3", "redis://:**@host:6379/3", "redis"),
        ("rediss://host/0", "rediss://host/0", "redis"),
        ("pyamqp://guest:secret@host//", "amqp://guest:**@host//", "amqp"),
        ("memory://here", "memory://here", "memory"),
    ],
)
def test_a_connection_says_which_broker_it_is(url: str, shown: str, technology: str):
    app = Umbel("proj", broker=url, set_as_current=False)
    with app.connection() as connection:
        assert connection.as_uri() == shown
        assert connection.as_uri(include_password=True).replace("secret", "**") == shown
        assert connection.transport.driver_type == connection.transport.driver_name == technology
        assert repr(connection) == f"<Connection: {shown}>"


def test_reading_and_writing_may_be_two():
    app = Umbel("proj", broker_read_url="redis://read/0", broker_write_url="redis://write/0", set_as_current=False)
    assert app.connection_for_read().as_uri() == "redis://read/0"
    assert app.connection().as_uri() == app.connection_for_write().as_uri() == "redis://write/0"
    assert app.connection("memory://other").as_uri() == "memory://other"
    assert issubclass(OperationalError, app.connection_for_read().recoverable_connection_errors)


def test_it_says_how_much_waits_in_a_queue():
    app = Umbel("proj", broker="memory://how-much", set_as_current=False)
    task = app.task(name="add")(len)
    for queue in ("celery", "celery", "mail"):
        task.apply_async(("",), queue=queue)
    task.apply_async(("",), countdown=60)
    with app.connection_or_acquire() as connection, app.connection_or_acquire(connection) as same:
        assert same is connection
        asked = connection.default_channel.queue_declare(queue="celery", passive=True)
        assert (asked, asked.message_count) == (("celery", 2, 0), 2)
        owners = app.broker.owners()
        owners.enlist(Owner(1, "w@h", 1, "supervisor", 0.0, {"queues": ["mail", "other"]}))
        assert connection.channel().queue_declare("mail", passive=True)[1:] == (1, 1)
        assert connection.channel().queue_purge("celery") == 3
        assert connection.channel().queue_declare("celery", passive=True).message_count == 0
        with pytest.raises(ImproperlyConfigured, match="passive=True"):
            connection.channel().queue_declare("new")
    with app.default_connection() as other, app.pool.acquire(block=True) as pooled:
        assert other.as_uri() == pooled.as_uri() == "memory://how-much"


def test_it_says_whether_the_broker_answers(tmp_path):
    app = Umbel("proj", broker=f"sqlite:///{tmp_path / 'store.db'}", set_as_current=False)
    connection = app.connection()
    assert connection.connected is False
    assert connection.ensure_connection(max_retries=1) is connection
    assert connection.connected is True
    away = app.connection("redis://127.0.0.1:1/0")
    heard = []
    with pytest.raises(OperationalError):
        away.ensure_connection(
            lambda error, pause: heard.append((type(error), pause)), max_retries=2, interval_start=0.01,
            interval_step=0.01, callback=lambda: heard.append("again"),
        )  # fmt: skip
    assert [one for one in heard if one != "again"] == [(heard[0][0], 0.01), (heard[0][0], 0.02)]
    assert heard.count("again") == 2
    assert issubclass(heard[0][0], OperationalError)
    with pytest.raises(OperationalError):
        away.ensure_connection(timeout=0.01)
    assert away.connected is False
    app.pool.force_close_all()
    assert app.connection().connect().connected
    assert app.pool.limit == 10
    app.pool.release(away)
    app.close()


def test_the_queues_that_are_declared():
    app = Umbel("proj", broker="memory://declared", set_as_current=False)
    assert [*app.amqp.queues] == ["celery"]
    app.conf.task_queues = [Queue("mail", Exchange("post", "topic"), "mail.#"), "other"]
    app.conf.task_default_queue = "other"
    assert (app.amqp.queues["mail"].routing_key, [*app.amqp.queues]) == ("mail.#", ["mail", "other"])
    assert (app.amqp.default_queue.name, app.amqp.default_exchange.name) == ("other", "other")
    app.amqp.queues.clear()
    assert app.amqp.queues


def test_the_loader_imports_the_modules_of_the_app(tmp_path, monkeypatch):
    (tmp_path / "loaded_by_hand.py").write_text("here = 1")
    monkeypatch.syspath_prepend(tmp_path)
    app = Umbel("proj", broker="memory://loader", include=["loaded_by_hand"], set_as_current=False)
    (module,) = app.loader.import_default_modules()
    assert module.here == 1
    assert app.loader.import_module("loaded_by_hand") is module


def test_texts_and_names():
    assert (safe_str(b"caf\xc3\xa9"), safe_str("x"), safe_str(3)) == ("café", "x", "3")
    assert "ValueError('no words')" in safe_str(Wordless())
    assert safe_repr([1]) == "[1]"
    assert "Wordless" in safe_repr(Wordless())
    assert (bytes_to_str(b"a"), bytes_to_str(1), str_to_bytes("a"), str_to_bytes(1)) == ("a", 1, b"a", 1)
    assert instantiate("fractions:Fraction", 1, 2) == instantiate(instantiate, "fractions:Fraction", 1, 2)
