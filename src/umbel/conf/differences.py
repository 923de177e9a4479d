"""The one list of defaults that are not Celery's. A value that the user writes is honoured everywhere."""

from __future__ import annotations

from typing import Any, Final

import msgspec


class Difference(msgspec.Struct, frozen=True):
    """One default that differs.

    Attributes:
        celery: Celery's default.
        umbel: the default here.
        why: one sentence.
    """

    celery: Any
    umbel: Any
    why: str


DIFFERENT_DEFAULTS: Final[dict[str, Difference]] = {
    "task_acks_late": Difference(
        False, True, "A message that is acknowledged before its task ran is lost when the process dies."
    ),
    "task_reject_on_worker_lost": Difference(
        None, True, "A task whose process died runs again instead of failing; one that kills three is set aside."
    ),
    "worker_prefetch_multiplier": Difference(
        4, 0, "Work held is sized by measured task time, so that nothing waits behind a long task."
    ),
    "redis_socket_timeout": Difference(
        120.0, None, "A call that Redis does not answer is given up after 5 seconds instead of two minutes."
    ),
    "broker_heartbeat": Difference(
        120, 4, "A connection that died without a word is noticed in eight seconds instead of four minutes."
    ),
    "task_default_queue_type": Difference(
        "classic",
        "quorum",
        "A quorum queue survives the loss of a node; one named `celery` stays as Celery declares it.",
    ),
    "task_create_missing_queue_type": Difference("classic", "quorum", "The same for queues that no setting describes."),
    "worker_hijack_root_logger": Difference(True, False, "The root logger belongs to the application."),
    "worker_redirect_stdouts": Difference(True, False, "What a task prints stays where it printed it."),
    "worker_proc_alive_timeout": Difference(
        4.0, 60.0, "A child that loads a model before its first task would be killed again and again."
    ),
    "result_backend": Difference(
        None, "the broker's file on SQLite, else None", "Where results cost no server, `get()` works at once."
    ),
}
"""Setting -> what differs. `result_backend` reads None in both; what None means differs."""
