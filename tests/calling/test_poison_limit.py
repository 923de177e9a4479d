"""The setting `worker_poison_limit` reaches the store, which counts the deaths."""

from __future__ import annotations

import pytest

from umbel import Umbel, ids
from umbel.broker import Death, Owner, Want


@pytest.mark.parametrize(("limit", "verdict"), [(1, "WorkerLostError:killed"), (2, "")])
def test_the_limit_is_the_apps(tmp_path, limit, verdict):
    app = Umbel("poison", broker=f"sqlite:///{tmp_path / 'p.db'}", worker_poison_limit=limit, set_as_current=False)
    with app:
        app.send_task("any.task")
        owners = app.broker.owners()
        first, second = (Owner(ids.nonce(), "w@host", 1, "child", 0.0) for _ in range(2))
        for owner in (first, second):
            owners.enlist(owner)
        (held,) = app.broker.consumer(first).turn([], Want(("celery",), 1)).deliveries
        owners.rescue([Death(first.nonce, (held.tag,), "killed")])
        (again,) = app.broker.consumer(second).turn([], Want(("celery",), 1)).deliveries
        assert (again.deaths, again.verdict) == (1, verdict)
        owners.retire(second.nonce)
