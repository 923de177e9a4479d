"""Results: the handle on a task that was sent, and what became of it.

handle.py     AsyncResult, by id
members.py    ResultSet and GroupResult: several as one
details.py    what a result document says beside state and value
fulfilled.py  the functions that `then` was given
eager.py      EagerResult, of a task that ran in the caller
sent.py       the results of a bulk call
waiting.py    how `get()` waits
awaiting.py   the same questions for coroutines
rebuild.py    exceptions from their names
joining.py    whether a task may wait for another one
"""

from __future__ import annotations

from .eager import EagerResult
from .handle import AsyncResult, result_from_tuple
from .joining import allow_join_result, assert_will_not_block, denied_join_result, task_join_will_block
from .members import GroupResult, ResultSet
from .sent import Sent

__all__ = [
    "AsyncResult", "EagerResult", "GroupResult", "ResultSet", "Sent", "allow_join_result", "assert_will_not_block",
    "denied_join_result", "result_from_tuple", "task_join_will_block",
]  # fmt: skip
