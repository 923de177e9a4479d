"""The twins for coroutines: the same signatures, and no event loop ever waits for a store."""

from __future__ import annotations

import asyncio
import inspect
import os
import threading
import time

import pytest

from tests.calling.support import only, stored
from tests.support.crowded import crowded
from tests.support.until import until
from umbel import AsyncResult, EagerResult, Signature, Task, Umbel
from umbel.exceptions import QueueFull, TimeoutError, UnknownResultError
from umbel.result import GroupResult, ResultSet
from umbel.testing.worker import InProcessWorker

pytestmark = pytest.mark.asyncio
TWINS = [
    (kind, name)
    for kind in (Task, AsyncResult, EagerResult, GroupResult, ResultSet, Signature)
    for name, member in inspect.getmembers(kind, inspect.iscoroutinefunction)
    if name.startswith("a") and not name.startswith("_")
]


@pytest.mark.parametrize(("kind", "name"), TWINS)
async def test_twin_has_the_signature_of_the_other(kind, name):
    twin, original = inspect.signature(getattr(kind, name)), getattr(kind, name[1:])
    if isinstance(original, property):
        assert list(twin.parameters) == ["self"]
        return
    other = inspect.signature(original)
    assert list(twin.parameters.values()) == list(other.parameters.values())
    # The sync one is the implementation behind overloads, which give the result its type.
    assert twin.return_annotation == other.return_annotation.replace("AsyncResult[Any]", "AsyncResult[R]")


async def test_the_twins_are_there():
    names = {(kind.__name__, name) for kind, name in TWINS}
    assert names >= {
        ("Task", "adelay"), ("Task", "aapply_async"), ("Task", "adelay_many"), ("Task", "aapply_async_many"),
        ("AsyncResult", "aget"), ("AsyncResult", "aready"), ("AsyncResult", "asuccessful"), ("AsyncResult", "afailed"),
        ("AsyncResult", "aforget"), ("AsyncResult", "arevoke"), ("AsyncResult", "aexists"), ("Signature", "adelay"),
        ("Signature", "aapply_async"), ("AsyncResult", "aget_leaf"), ("ResultSet", "aget"), ("ResultSet", "ajoin"),
        ("ResultSet", "ajoin_native"), ("ResultSet", "aready"), ("ResultSet", "awaiting"), ("ResultSet", "arevoke"),
        ("ResultSet", "acompleted_count"), ("GroupResult", "asave"), ("GroupResult", "adelete"),
        ("GroupResult", "arestore"),
    }  # fmt: skip


@pytest.fixture
def add(app: Umbel):
    @app.task(name="proj.add")
    def add(x, y):
        return x + y

    return add


@pytest.fixture
def worker(app: Umbel):
    """A worker whose loop runs in a thread of its own until the test is over."""
    over = threading.Event()
    running = InProcessWorker(app, pool="thread")

    def serve():
        with running:
            while not over.is_set():
                running.drain()
                over.wait(0.005)

    thread = threading.Thread(target=serve)
    thread.start()
    yield running
    over.set()
    thread.join(20)


async def test_send_and_wait(app: Umbel, add, worker):
    result = await add.adelay(2, 3)
    assert await result == 5
    assert await result.aget(timeout=20) == 5
    assert await result.aready()
    assert await result.asuccessful()
    assert not await result.afailed()
    assert (await result.astate(), await result.ainfo()) == ("SUCCESS", 5)
    assert await result.aexists()
    again = app.AsyncResult(result.id)
    await again.aforget()
    assert not await again.aexists()


async def test_errors_arrive(app: Umbel, worker):
    @app.task
    def fail():
        raise ValueError("bad")

    with pytest.raises(ValueError, match="bad"):
        await (await fail.adelay()).aget(timeout=20)
    with pytest.raises(TypeError, match="cannot be called"):
        await fail.adelay(1)
    with pytest.raises(UnknownResultError):
        await app.AsyncResult("never-sent").aget(timeout=20)


async def test_timeout(app: Umbel, add):
    result = await add.adelay(1, 2)
    with pytest.raises(TimeoutError, match="within"):
        await result.aget(timeout=0.05)


async def test_hundreds_wait_at_once(app: Umbel, add, worker):
    results = await add.adelay_many((number, 1) for number in range(400))
    answers = await asyncio.gather(*(result.aget(timeout=30) for result in results))
    assert answers == [number + 1 for number in range(400)]


async def test_a_waiter_may_be_cancelled(app: Umbel, add):
    result = await add.adelay(1, 2)
    waiting = asyncio.create_task(result.aget())
    await asyncio.sleep(0)
    while not app.client()._waiting:
        await app.client().call(lambda: None)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await app.client().call(lambda: None)
    assert app.client()._waiting == {}


async def test_revoke(app: Umbel, add):
    result = await add.aapply_async((1, 2), countdown=3600)
    await result.arevoke()
    assert stored(app) == []
    assert result.state == "REVOKED"


async def test_bulk_of_signatures_and_errors(app: Umbel, add):
    app.conf.task_queue_max_length = {"celery": 1}
    await add.s(1).adelay(2)
    with pytest.raises(QueueFull):
        await add.adelay_many([(1, 2)])
    assert only(app).body[0] == [2, 1]


class Slow:
    """A publisher that takes its time, as one whose file is locked does."""

    def __init__(self, inner):
        self.inner = inner
        self.entered = threading.Event()
        self.leave = threading.Event()

    def publish(self, parcels, **options):
        self.entered.set()
        assert self.leave.wait(10)
        self.inner.publish(parcels, **options)

    def close(self):
        self.inner.close()


async def test_the_loop_goes_on_while_the_store_does_not_answer(app: Umbel, add):
    client = app.client()
    slow = Slow(app.broker.publisher())
    await client.call(lambda: setattr(app._stores._mine(), "publisher", slow))
    sending = asyncio.create_task(add.adelay(1, 2))
    turns = 0
    while not slow.entered.is_set() or turns < 100:
        await asyncio.sleep(0)
        turns += 1
    assert not sending.done()
    slow.leave.set()
    assert (await sending).id == only(app).parcel.id


async def test_one_thread_for_all(app: Umbel, add):
    before = threading.active_count()
    await asyncio.gather(*(add.adelay(number, 1) for number in range(50)))
    assert threading.active_count() == before + 1
    app.close()
    until(lambda: threading.active_count() == before)
    await add.adelay(1, 2)


async def test_a_forked_child_has_its_own_thread(app: Umbel, add):
    await add.adelay(1, 2)
    parents = app.client()
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        word = b"dead"
        try:
            answer = asyncio.Runner()
            own = app.client()
            word = b"fine" if own is not parents and answer.run(own.call(lambda: 5)) == 5 else b"same"
        finally:
            os.write(write, word)
            os._exit(0)
    os.close(write)
    assert os.read(read, 4) == b"fine"
    assert os.waitpid(pid, 0)[1] == 0  # noqa: ASYNC222 - the child has said its last word
    os.close(read)
    assert await parents.call(lambda: 6) == 6


async def test_a_deadline_of_publishing_holds(app: Umbel, add):
    started = time.monotonic()
    app.conf.task_queue_max_length = {"celery": 0}
    with pytest.raises(QueueFull):
        await add.adelay(1, 2)
    assert time.monotonic() - started < 5


async def test_a_server_with_thousands_of_open_files_gets_its_result(tmp_path):
    with Umbel("crowd", broker=f"sqlite:///{tmp_path}/queue.db") as app:

        @app.task
        def add(x, y):
            return x + y

        with crowded():
            result = await add.adelay(2, 3)
            waiting = asyncio.create_task(result.aget(timeout=20))
            await asyncio.sleep(0)
            with InProcessWorker(app, pool="thread") as worker:
                await asyncio.to_thread(worker.drain)
            assert await waiting == 5


async def test_a_set_is_asked_and_waited_for(app: Umbel, add, worker):
    together = ResultSet([await add.adelay(number, 1) for number in range(5)], app=app)
    seen = []
    assert await together.aget(timeout=20, callback=lambda *pair: seen.append(pair)) == []
    assert seen == [(result.id, number + 1) for number, result in enumerate(together)]
    assert await together.ajoin(timeout=20) == await together.ajoin_native(timeout=20) == [1, 2, 3, 4, 5]
    assert (await together.aready(), await together.awaiting(), await together.acompleted_count()) == (True, False, 5)
    assert (await together.asuccessful(), await together.afailed()) == (True, False)
    await together.aforget()
    assert [result.exists() for result in together] == [False] * 5


async def test_a_set_that_does_not_end_in_time(app: Umbel, add):
    together = ResultSet([await add.adelay(1, 1)], app=app)
    with pytest.raises(TimeoutError, match="did not end within 0"):
        await together.aget(timeout=0.05)
    assert await together.awaiting()
    await together.arevoke()
    assert (await together[0].astate()) == "REVOKED"


async def test_a_group_is_saved_and_restored(app: Umbel, add):
    saved = GroupResult("a-group", [await add.adelay(1, 1)], app=app)
    await saved.asave()
    assert await GroupResult.arestore("a-group", app=app) == saved
    await saved.adelete()
    assert await GroupResult.arestore("a-group", app=app) is None


async def test_what_came_of_a_result(app: Umbel, add, worker):
    @app.task(name="proj.more")
    def more(number):
        return [add.delay(number, each).id for each in range(2)]

    result = await more.adelay(5)
    found = [value async for _, value in result.acollect(timeout=20)]
    assert found[1:] == [5, 6]
    assert await result.aget_leaf() == 6
