"""The steering: what ``control`` changes in a running worker."""

from __future__ import annotations

import logging
from typing import Any

from .. import withdraw
from ..utils.time import interval
from .control import State, control_command
from .questions import held

logger = logging.getLogger("umbel.worker")


def _seconds(word: str | float | None) -> float | None:
    return None if word is None else float(word)


@control_command()
def shutdown(state: State, msg: str = "Got shutdown from remote", **_: Any) -> None:
    """Warm shutdown."""
    logger.warning("%s", msg)
    state.stop.request()


@control_command(variadic="task_id", signature="[id1 [id2 [... [idN]]]]")
def revoke(
    state: State, task_id: str | list[str], terminate: bool = False, signal: Any = None, **_: Any
) -> dict[str, str]:
    """Revoke tasks by id. umbel's clients tell the store themselves; each worker that hears of it writes it too."""
    ids = [task_id] if isinstance(task_id, str) else list(task_id)
    conf = state.app.conf
    withdraw.revoke(
        state.app.broker, ids, terminate=terminate, signal=signal, expires=withdraw.lifetime(conf.result_expires),
        keep_results=state.app.result_url is not None, form=withdraw.Form.of(conf),
        apart=None if state.app.settles_results else state.app.backend(),
    )  # fmt: skip
    if not terminate:
        logger.info("Tasks flagged as revoked: %s", ", ".join(ids))
        return {"ok": f"tasks {set(ids)} flagged as revoked"}
    stopped = [entry["id"] for entry in held(state, started=True) if entry["id"] in ids]
    return {"ok": f"terminate: {', '.join(stopped)}" if stopped else "terminate: tasks unknown"}


@control_command(variadic="task_id", args=[("signal", str)], signature="<signal> [id1 [id2 [... [idN]]]]")
def terminate(state: State, signal: Any, task_id: str | list[str], **_: Any) -> dict[str, str]:
    """Revoke tasks by id, and stop those that run."""
    said: dict[str, str] = revoke(state, task_id, terminate=True, signal=signal)
    return said


@control_command(variadic="headers", signature="[key1=value1 [key2=value2 [... [keyN=valueN]]]]")
def revoke_by_stamped_headers(
    state: State, headers: dict[str, Any] | list[str], terminate: bool = False, signal: Any = None, **_: Any
) -> dict[str, str]:
    """Revoke all tasks that are stamped so, whenever they are sent within the next three days."""
    if not isinstance(headers, dict):
        headers = dict(pair.split("=", 1) for pair in headers)
    withdraw.revoke_stamped(state.app.broker, withdraw.stamps_of(headers), terminate=terminate, signal=signal)
    word = "revoked" if terminate else "flagged as revoked, but not terminated"
    return {"ok": f"headers {headers} {word}"}


@control_command(
    args=[("task_name", str), ("rate_limit", str)], signature="<task_name> <rate_limit (e.g., 5/s | 5/m | 5/h)>"
)
def rate_limit(state: State, task_name: str, rate_limit: Any, **_: Any) -> dict[str, str]:
    """Let this worker start so many tasks of a name."""
    try:
        seconds = interval(rate_limit)
    except ValueError as error:
        return {"error": f"Invalid rate limit string: {error!r}"}
    if task_name not in state.app.tasks:
        return {"error": "unknown task"}
    state.levers.limit(task_name, rate_limit=rate_limit)
    logger.info("New rate limit for tasks of type %s: %s", task_name, rate_limit if seconds else "none")
    return {"ok": "new rate limit set successfully" if seconds else "rate limit disabled successfully"}


@control_command(
    args=[("task_name", str), ("soft", float), ("hard", float)], signature="<task_name> <soft_secs> [hard_secs]"
)
def time_limit(
    state: State, task_name: str = "", hard: float | None = None, soft: float | None = None, **_: Any
) -> dict[str, str]:
    """Change the time limits of a task, for runs that start from now on."""
    if task_name not in state.app.tasks:
        return {"error": "unknown task"}
    state.levers.limit(task_name, soft_time_limit=_seconds(soft), time_limit=_seconds(hard))
    logger.info("New time limits for tasks of type %s: soft=%s hard=%s", task_name, soft, hard)
    return {"ok": "time limits set successfully"}


@control_command(args=[("n", int)], signature="[N=1]")
def pool_grow(state: State, n: int = 1, **_: Any) -> dict[str, str]:
    """Run n processes or threads more."""
    if state.autoscaler is not None:
        state.autoscaler.force_scale_up(n)
    else:
        state.levers.grow(n)
    return {"ok": "pool will grow"}


@control_command(args=[("n", int)], signature="[N=1]")
def pool_shrink(state: State, n: int = 1, **_: Any) -> dict[str, str]:
    """Run n processes or threads less; what runs in them is finished."""
    if state.autoscaler is not None:
        state.autoscaler.force_scale_down(n)
    else:
        state.levers.shrink(n)
    return {"ok": "pool will shrink"}


@control_command()
def pool_restart(
    state: State, modules: Any = None, reload: bool = False, reloader: Any = None, **_: Any
) -> dict[str, str]:
    """Replace all processes; needs `worker_pool_restarts`, and loads no code anew."""
    if not state.app.conf.worker_pool_restarts:
        raise ValueError("Pool restarts not enabled")
    if reload or modules:
        raise ValueError("Code is not loaded anew in a running worker: restart the worker.")
    state.levers.restart()
    return {"ok": "reload started"}


@control_command(args=[("max", int), ("min", int)], signature="[max [min]]")
def autoscale(state: State, max: int | None = None, min: int | None = None) -> dict[str, str]:
    """Change the range of a pool that scales by itself."""
    if state.autoscaler is None:
        raise ValueError("Autoscale not enabled")
    most, least = state.autoscaler.update(max, min)
    return {"ok": f"autoscale now max={most} min={least}"}


@control_command(
    args=[("queue", str), ("exchange", str), ("exchange_type", str), ("routing_key", str)],
    signature="<queue> [exchange [type [routing_key]]]",
)
def add_consumer(
    state: State, queue: str, exchange: str | None = None, exchange_type: str | None = None,
    routing_key: str | None = None, **_: Any,
) -> dict[str, str]:  # fmt: skip
    """Consume a queue too."""
    known = state.app.declared.find(queue)
    own = known.exchange.name if known.exchange is not None else ""
    if exchange not in (None, "", own) or routing_key not in (None, "", known.routing_key):
        raise ValueError(f"Write into task_queues what {queue} is bound to: a running worker cannot bind it elsewhere.")
    state.levers.consume(queue)
    return {"ok": f"add consumer {queue}"}


@control_command(args=[("queue", str)], signature="<queue>")
def cancel_consumer(state: State, queue: str, **_: Any) -> dict[str, str]:
    """Consume a queue no more."""
    state.levers.leave(queue)
    return {"ok": f"no longer consuming from {queue}"}


@control_command()
def election(state: State, id: str, topic: str, action: Any = None, **_: Any) -> None:
    """Nothing: workers of umbel hold no elections, and leave Celery's to Celery's workers."""


@control_command()
def enable_events(state: State, **_: Any) -> Any:
    """Send events about tasks."""
    return state.answers["enable_events"]()


@control_command()
def disable_events(state: State, **_: Any) -> Any:
    """Send no events about tasks."""
    return state.answers["disable_events"]()


@control_command()
def heartbeat(state: State, **_: Any) -> Any:
    """Send a heartbeat event at once."""
    return state.answers["heartbeat"]()
