"""An outcome that cannot be written is a failure all the same: whoever waits for the task is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from umbel import Umbel, chord
from umbel.exceptions import ChordError, EncodeError
from umbel.ids import new_id
from umbel.testing.worker import InProcessWorker


class Hostile(Exception):
    """An error that cannot even be looked at."""

    @property
    def args(self) -> tuple[object, ...]:  # type: ignore[override]  # that is what makes it hostile
        raise ValueError("secret 4711")


@pytest.fixture(params=["memory", "sqlite"])
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Umbel]:
    url = f"memory://{new_id()}" if request.param == "memory" else f"sqlite:///{tmp_path}/queue.db"
    with Umbel("net", broker=url) as app:
        yield app


def raise_hostile() -> None:
    raise Hostile


def test_a_waiting_get_hears_of_an_outcome_that_cannot_be_written(app: Umbel) -> None:
    with InProcessWorker(app, pool="solo") as worker:
        result = app.task(raise_hostile).delay()
        worker.drain()
    with pytest.raises(EncodeError, match=r"its outcome cannot be written: ValueError\('secret 4711'\)"):
        result.get(timeout=0)
    [dead] = app.broker.shelf().items("dead")
    assert (result.state, dead.reason) == ("FAILURE", "its outcome cannot be written: ValueError('secret 4711')")


def test_a_chord_hears_of_it_too(app: Umbel) -> None:
    with InProcessWorker(app, pool="solo") as worker:
        body = app.task(lambda values: values, name="body")
        result = chord([app.task(raise_hostile).s()], body.s()).delay()
        worker.drain()
    assert (result.state, type(result.result)) == ("FAILURE", ChordError)


def test_what_is_redacted_stays_so_to_the_end(app: Umbel, caplog: pytest.LogCaptureFixture) -> None:
    with InProcessWorker(app, pool="solo") as worker:
        result = app.task(redact=True)(raise_hostile).delay()
        worker.drain()
    [dead] = app.broker.shelf().items("dead")
    assert (str(result.result), dead.reason) == ("its outcome cannot be written: ValueError",) * 2
    assert "cannot be written" in caplog.text
    assert "4711" not in caplog.text
