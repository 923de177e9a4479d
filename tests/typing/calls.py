"""What a user's type checker sees. Every line that ends in ``# error`` must be one, every other line must not.

Read by mypy --strict and by pyright; never run.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, assert_type

from umbel import AsyncResult, EagerResult, Priority, Signature, Task, Umbel, current_app, current_task, shared_task

app = Umbel("typed", broker="memory://", task_time_limit=30)


@app.task
def add(x: int, y: int) -> int:
    return x + y


@app.task(queue="slow", max_retries=5)
def greet(name: str, loud: bool = False, *, times: int = 1) -> str:
    return name * times


@app.task(bind=True, autoretry_for=(OSError,))
def fetch(self: Task[..., Any], url: str, tries: int) -> bytes:
    if self.request.retries > tries:
        raise self.retry(countdown=5)
    return url.encode()


@app.task
async def crawl(url: str) -> list[str]:
    return [url]


@app.task(bind=True)
async def bound_crawl(self: Any, url: str) -> list[str]:
    return [url]


@shared_task
def shared(x: int) -> str:
    return str(x)


@shared_task(bind=True)
def shared_bound(self: Any, x: int) -> str:
    return str(x)


@app.task
def ping() -> None: ...


@app.task
def four(a: int, b: str, c: float, d: bytes) -> int:
    return a


# delay keeps the parameters
assert_type(add.delay(1, 2), AsyncResult[int])
assert_type(add.delay(1, y=2).get(timeout=5), int)
add.delay(1)  # error
add.delay(1, 2, 3)  # error
add.delay("1", 2)  # error
add.delay(1, z=2)  # error
add.delay(1, 2).get().upper()  # error
greet.delay("ann")
greet.delay("ann", True, times=3)
greet.delay("ann", times="3")  # error
greet.delay("ann", True, 3)  # error
ping.delay()
ping.delay(1)  # error

# so does a bound task, without self
assert_type(fetch.delay("http://x", 3), AsyncResult[bytes])
fetch.delay(None, "http://x", 3)  # error
fetch.delay("http://x")  # error
shared_bound.delay(1)
shared_bound.delay("1")  # error
assert_type(shared.delay(5).get(), str)
shared.delay("5")  # error

# and a coroutine function gives its result, not the coroutine
assert_type(crawl.delay("http://x").get(), list[str])
assert_type(bound_crawl.delay("http://x").get(), list[str])
crawl.delay(5)  # error
bound_crawl.delay("self", "http://x")  # error

# apply_async knows positional arguments
assert_type(add.apply_async((1, 2)), AsyncResult[int])
add.apply_async((1, 2), countdown=5, queue="slow", priority=Priority.HIGH, eta=datetime.now())
add.apply_async((1,))  # error
add.apply_async(("1", 2))  # error
add.apply_async((1, 2, 3))  # error
add.apply_async()  # error
add.apply_async((1, 2), countdown="soon")  # error
add.apply_async((1, 2), countdwon=5)  # error
add.apply_async((1,), {"y": 2})
add.apply_async(kwargs={"x": 1, "y": 2})
add.apply_async([1, 2])
greet.apply_async(("ann",))
greet.apply_async(("ann", True))
greet.apply_async((5,))  # error
fetch.apply_async(("http://x", 3), expires=60)
fetch.apply_async((3, "http://x"))  # error
ping.apply_async()
ping.apply_async((), countdown=1)
ping.apply_async((1,))  # error
four.apply_async((1, "b", 2.0, b"d"), link=add.s(5), link_error=ping.si())
four.apply_async((1, "b", 2.0))  # error
four.apply_async((1, "b", "c", b"d"))  # error
assert_type(crawl.apply_async(("http://x",)).get(), list[str])

# bulk
for result in add.delay_many([(1, 2), (3, 4)]):
    assert_type(result, AsyncResult[int])
add.delay_many([(1, 2), (3,)])  # error
add.delay_many([("1", 2)])  # error
ping.delay_many([()])
greet.delay_many(("ann",) for _ in range(3))
add.apply_async_many([((1, 2), None), ((1,), {"y": 2})], queue="slow")
add.apply_async_many([((1, 2), None)], countdown="soon")  # error

# as a function
assert_type(add(1, 2), int)
add("1", 2)  # error
fetch("http://x", 3)
fetch("http://x")  # error
assert_type(add.apply((1, 2)), EagerResult[int])
assert_type(add.apply((1, 2)).get(), int)


# coroutines
async def twins() -> None:
    assert_type(await add.adelay(1, 2), AsyncResult[int])
    assert_type(await (await add.adelay(1, 2)), int)
    assert_type(await (await add.adelay(1, 2)).aget(timeout=1), int)
    assert_type(await crawl("http://x"), list[str])
    assert_type(await bound_crawl("http://x"), list[str])
    assert_type(await (await crawl.adelay("http://x")).aget(), list[str])
    await add.adelay("1", 2)  # error
    await crawl(5)  # error
    await add.aapply_async((1, 2), queue="slow")
    await add.aapply_async((1, 2), countdown="soon")  # error
    await add.adelay_many([(1, 2)])
    await add.adelay_many([(1,)])  # error


# signatures
assert_type(add.s(1), Signature[int])
assert_type(add.s(1).delay(2).get(), int)
add.si(1, 2)
add.si(1)  # error


# classes
class Noisy(Task[[int], str]):
    name = "noisy"

    def run(self, x: int) -> str:
        return str(x)


noisy = app.register_task(Noisy())
assert_type(noisy.delay(5).get(), str)
noisy.delay("5")  # error


@app.task(base=Noisy, name="other", throws=(KeyError,))
def other() -> int:
    return 5


assert_type(other.delay().get(), int)

# what is current
assert_type(current_app, Umbel)
assert_type(current_task.request.retries, int)
app.send_task("proj.add", (1, 2), countdown=5)
