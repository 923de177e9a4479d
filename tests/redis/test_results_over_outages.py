"""`get()` and `aget()` while the results cannot be asked: the wait goes on, and ends when the caller says."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.until import until
from umbel import Umbel
from umbel.adapters.redis.address import Address
from umbel.adapters.redis.backend import RedisBackend
from umbel.exceptions import OperationalError, StoreUnavailable, TimeoutError
from umbel.testing.network import Network
from umbel.withdraw import state_record

BRIEF = {"max_retries": 2, "interval_step": 0.05, "interval_max": 0.1}


@pytest.fixture
def network(redis_server):
    with Network(redis_server.port) as network:
        yield network


@pytest.fixture
def app(network, url):
    through = network.url(url)
    with Umbel("outages", broker=through, backend=through) as app:
        app.conf.result_backend_transport_options = {"timeout": 0.5}
        yield app


@pytest.fixture
def finish(url):
    """Stores the result of a task, past the bad network."""
    backend = RedisBackend(Address.parse(url, {}))
    yield lambda result: backend.store([state_record(result.id, "SUCCESS", 42, expires=60.0)])
    backend.close()


def sent(app):
    return app.send_task("anything")


def got(app, result, way, **options):
    if way == "get":
        return result.get(**options)

    async def wait():
        return await result.aget(**options)

    return asyncio.run(wait())


WAYS = pytest.mark.parametrize("way", ["get", "aget"])


@WAYS
@pytest.mark.parametrize("fault", ["refuse", "drop", "stall"])
@pytest.mark.parametrize("timeout", [None, 60])
def test_a_wait_outlasts_an_outage(app, network, finish, way, fault, timeout):
    result = sent(app)
    with ThreadPoolExecutor(1) as pool:
        waits = pool.submit(got, app, result, way, timeout=timeout)
        until(lambda: network.open > 1, "its subscription")
        getattr(network, fault)()
        finish(result)
        if fault != "drop":
            seen = network.accepted, time.monotonic()
            until(lambda: waits.done() or network.accepted > seen[0] or time.monotonic() > seen[1] + 1.5)
        assert fault == "drop" or not waits.done(), waits.result()
        network.heal()
        assert waits.result(timeout=40) == 42


@WAYS
def test_a_wait_that_begins_in_an_outage(app, network, finish, way):
    result = sent(app)
    finish(result)
    network.refuse()
    app.close()
    with ThreadPoolExecutor(1) as pool:
        waits = pool.submit(got, app, result, way)
        with pytest.raises(TimeoutError):
            got(app, sent_before(app, result), way, timeout=0.3)
        assert not waits.done()
        network.heal()
        assert waits.result(timeout=40) == 42


def sent_before(app, result):
    """The same, as a process knows it that has not sent it."""
    return app.AsyncResult(result.id)


@WAYS
@pytest.mark.parametrize("fault", ["refuse", "stall"])
def test_the_end_of_a_wait_is_kept_and_says_why(app, network, way, fault):
    result = sent(app)
    getattr(network, fault)()
    began = time.monotonic()
    with pytest.raises(TimeoutError, match=r"could not be read within 1.0 seconds\. redis://127.0.0.1") as caught:
        got(app, result, way, timeout=1.0)
    assert 0.9 < time.monotonic() - began < 4
    assert isinstance(caught.value.__cause__, StoreUnavailable)


@WAYS
def test_a_wait_without_end_bears_what_the_policy_says(app, network, way):
    app.conf.result_backend_transport_options = {"timeout": 0.5, "retry_policy": BRIEF}
    result = sent(app)
    network.refuse()
    began = time.monotonic()
    with pytest.raises(OperationalError, match="cannot be reached"):
        got(app, result, way)
    assert time.monotonic() - began < 10


def test_a_hundred_coroutines_outlast_an_outage_and_one_gives_up(app, network, finish):
    """Row 20 of tests/pains."""
    results = [sent(app) for _ in range(100)]

    async def scenario():
        waits = [asyncio.ensure_future(result.aget(timeout=60)) for result in results[1:]]
        short = asyncio.ensure_future(results[0].aget(timeout=1.0))
        await asyncio.sleep(0)
        network.refuse()
        with pytest.raises(TimeoutError):
            await short
        for result in results:
            finish(result)
        network.heal()
        return await asyncio.gather(*waits)

    assert asyncio.run(scenario()) == [42] * 99


def test_the_caller_is_told_each_second_that_it_goes_on(app, network, finish):
    result, calls = sent(app), []
    network.refuse()

    def told():
        calls.append(1)
        if len(calls) == 4:
            finish(result)
            network.heal()

    assert result.get(timeout=60, on_interval=told) == 42
