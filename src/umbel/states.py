"""The states of a task, as Celery names and orders them, and the one table of allowed moves.

    PENDING --> RECEIVED --> STARTED --> SUCCESS
       |            |          |  \\--> FAILURE
       |            |          |---> RETRY --> (delayed) --> STARTED
       \\------------\\----------\\---> REVOKED

A SUCCESS is final. Another terminal state stands until a SUCCESS replaces it (a redelivered
attempt that succeeded after its first run was reported lost).
Source: Celery 5.7 ``celery.states``.
"""

from __future__ import annotations

from typing import Final

PENDING: Final = "PENDING"
RECEIVED: Final = "RECEIVED"
STARTED: Final = "STARTED"
SUCCESS: Final = "SUCCESS"
FAILURE: Final = "FAILURE"
REVOKED: Final = "REVOKED"
REJECTED: Final = "REJECTED"
RETRY: Final = "RETRY"
IGNORED: Final = "IGNORED"

READY_STATES: Final = frozenset({SUCCESS, FAILURE, REVOKED})
UNREADY_STATES: Final = frozenset({PENDING, RECEIVED, STARTED, REJECTED, RETRY})
EXCEPTION_STATES: Final = frozenset({RETRY, FAILURE, REVOKED})
PROPAGATE_STATES: Final = frozenset({FAILURE, REVOKED})
ALL_STATES: Final = frozenset({PENDING, RECEIVED, STARTED, SUCCESS, FAILURE, RETRY, REVOKED})

# High to low; a custom state (None) ranks between FAILURE and REVOKED, as in Celery.
PRECEDENCE: Final = (SUCCESS, FAILURE, None, REVOKED, STARTED, RECEIVED, REJECTED, RETRY, PENDING)
_RANK: Final = {name: rank for rank, name in enumerate(PRECEDENCE)}
_CUSTOM_RANK: Final = _RANK[None]


def precedence(state: str) -> int:
    """Rank of a state; 0 is the highest.

    Example:
        >>> precedence("SUCCESS") < precedence("PENDING")
        True
    """
    return _RANK.get(state, _CUSTOM_RANK)


def may_replace(stored: str | None, new: str) -> bool:
    """Whether a stored state may be overwritten by a new one.

    Args:
        stored: the state in the store, None when there is none.
        new: the state that wants to be written.

    Returns:
        False when ``stored`` is SUCCESS, or when ``stored`` is terminal and ``new`` is not SUCCESS.

    Example:
        >>> may_replace("FAILURE", "SUCCESS"), may_replace("SUCCESS", "FAILURE")
        (True, False)
    """
    if stored is None or stored not in READY_STATES:
        return True
    return stored != SUCCESS and new == SUCCESS
