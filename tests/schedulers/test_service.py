"""The service: it ticks until it is stopped, at once and from anywhere, and finds the class that was named."""

from __future__ import annotations

import pickle
import threading

import pytest

from tests.schedulers.worlds import celerys
from tests.support.until import until
from umbel import Umbel, signals
from umbel.exceptions import ImproperlyConfigured
from umbel.schedulers import EmbeddedService, PersistentScheduler, Scheduler, Service


class Counting(Scheduler):
    """Sleeps for an hour after each tick."""

    ticks = closed = 0

    def tick(self, **_options):
        self.ticks += 1
        return 3600.0

    def close(self):
        self.closed += 1
        super().close()


@pytest.fixture
def app(tmp_path, isolated):
    made = Umbel("shop", broker=f"sqlite:///{tmp_path}/shop.db", set_as_current=False)
    made.conf.beat_schedule_filename = str(tmp_path / "state")
    made.conf.beat_schedule = {"e": {"task": "shop.e", "schedule": 0.2}}
    with made:
        yield made


def test_it_ticks_sleeps_and_stops_at_once(app):
    service = Service(app, scheduler_cls=Counting)
    heard = []

    @signals.beat_init.connect(weak=False, sender=service)
    def listen(sender, **_named):
        heard.append(sender.scheduler.max_interval)

    thread = threading.Thread(target=service.start)
    thread.start()
    try:
        until(lambda: service.ticked_at is not None, "a tick")
    finally:
        service.stop(wait=True)
        thread.join(20)
        signals.beat_init.disconnect(listen, sender=service)
    assert not thread.is_alive()
    assert (service.scheduler.ticks, service.scheduler.closed, heard) == (1, 1, [300])


def test_system_exit_ends_it_and_closes_the_scheduler(app):
    class Leaving(Counting):
        def tick(self, **_options):
            raise SystemExit

    service = Service(app, scheduler_cls=Leaving)
    service.start()
    assert service.scheduler.closed == 1


def test_an_error_of_a_scheduler_is_not_hidden(app):
    class Wrong(Counting):
        def tick(self, **_options):
            raise OSError("the database is gone")

    service = Service(app, scheduler_cls=Wrong)
    with pytest.raises(OSError, match="the database is gone"):
        service.start()
    assert service.scheduler.closed == 1


def test_settings_and_arguments(app):
    app.conf.update(beat_max_loop_interval=7, beat_sync_every=3)
    service = Service(app)
    assert (service.max_interval, service.schedule_filename) == (7, app.conf.beat_schedule_filename)
    scheduler = service.get_scheduler(lazy=True)
    assert (type(scheduler), scheduler.max_interval, scheduler.sync_every_tasks) == (PersistentScheduler, 7, 3)
    assert Service(app, 5, "other", Counting).get_scheduler().max_interval == 5


@pytest.mark.parametrize("path", ["celery.beat:Scheduler", "celery.beat.Scheduler", "umbel.schedulers:Scheduler"])
def test_celerys_names_are_umbels(app, path):
    assert type(Service(app, scheduler_cls=path).scheduler) is Scheduler


def test_names_that_mean_nothing_here(app):
    with pytest.raises(ImproperlyConfigured, match="There is no module 'nowhere'"):
        Service(app, scheduler_cls="nowhere:Scheduler").get_scheduler()
    assert celerys()
    with pytest.raises(ImproperlyConfigured, match="for an installed Celery: add --as-celery after umbel"):
        Service(app, scheduler_cls="tests.schedulers.derived:Derived").get_scheduler()


@pytest.mark.parametrize("options", [{"thread": True}, {}], ids=["thread", "process"])
def test_embedded(app, options):
    embedded = EmbeddedService(app, **options)
    shelf = app.broker.shelf()
    embedded.start()
    try:
        until(lambda: sum(one.ready for one in shelf.counts()) >= 2, "two messages", timeout=30)
    finally:
        embedded.stop()
        embedded.join(20)
        shelf.close()
    kept = PersistentScheduler(app, schedule_filename=app.conf.beat_schedule_filename)
    assert kept.schedule["e"].total_run_count >= 2
    kept.close()


def test_a_broker_that_comes_later(app, monkeypatch):
    from umbel.exceptions import StoreAway

    class Away:
        def __init__(self, times):
            self.times = times

        def shelf(self):
            self.times -= 1
            if self.times >= 0:
                raise StoreAway("Nobody answers.")
            return app.broker.shelf()

    waits = []
    monkeypatch.setattr("umbel.schedulers.scheduler.time.sleep", waits.append)
    scheduler = Scheduler(app, Producer=lambda broker, auto_declare: (broker, auto_declare))
    scheduler.connection = Away(3)
    assert scheduler.producer == (scheduler.connection, False)
    assert waits == [2, 4, 6]
    scheduler.close()
    scheduler.connection = Away(9)
    app.conf.broker_connection_max_retries = 1
    with pytest.raises(StoreAway):
        _ = scheduler.producer


def test_it_can_be_pickled_as_far_as_its_parts(app):
    kind, arguments = Service(app, 5, "file", "umbel.schedulers:Scheduler", True, "beat@here").__reduce__()
    assert (kind, arguments[1:]) == (Service, (5, "file", "umbel.schedulers:Scheduler", True, "beat@here"))
    assert pickle.loads(pickle.dumps(Scheduler)) is Scheduler
