"""The types of a call: its options, and what `apply_async` may take as positional arguments."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol, TypedDict, TypeVar

from ..priority import Priority
from ..result import AsyncResult

R_co = TypeVar("R_co", covariant=True)
A_contra = TypeVar("A_contra", contravariant=True)
B_contra = TypeVar("B_contra", contravariant=True)
C_contra = TypeVar("C_contra", contravariant=True)
D_contra = TypeVar("D_contra", contravariant=True)
E_contra = TypeVar("E_contra", contravariant=True)


class SendOptions(TypedDict, total=False):
    """Options of `apply_async` beside its named ones.

    countdown: seconds before which it is not to start. eta: the same as a moment; a naive one is in the app's zone.
    expires: seconds or a moment after which it is not to start. queue, exchange, routing_key: where it goes.
    priority: 0-9, or `Priority`. serializer: name of a codec. headers: custom headers.
    retry, retry_policy: whether publishing is tried again. time_limit, soft_time_limit: seconds.
    ignore_result: keep no result. argsrepr, kwargsrepr: texts shown in the place of the arguments.
    """

    countdown: float | None
    eta: datetime | str | None
    expires: float | datetime | str | None
    queue: Any
    exchange: Any
    exchange_type: str | None
    routing_key: str | None
    priority: int | Priority | None
    serializer: str | None
    compression: str | None
    headers: Mapping[str, Any] | None
    retry: bool | None
    retry_policy: Mapping[str, Any] | None
    time_limit: float | None
    soft_time_limit: float | None
    ignore_result: bool | None
    argsrepr: str | None
    kwargsrepr: str | None
    add_to_parent: bool
    reply_to: str | None
    group_id: str | None
    group_index: int | None
    chord: Any
    chain: Any
    root_id: str | None
    parent_id: str | None
    retries: int
    replaced_task_nesting: int
    origin: str | None
    route_name: str | None
    router: Any
    connection: Any
    publisher: Any
    delivery_mode: int | str | None
    mandatory: bool
    immediate: bool
    timeout: float | None
    confirm_timeout: float | None
    declare: Any
    stamped_headers: list[str] | None
    stamps: dict[str, Any] | None
    task_type: Any


class Takes0(Protocol[R_co]):
    def delay(self) -> AsyncResult[R_co]: ...


class Takes1(Protocol[A_contra, R_co]):
    def delay(self, a: A_contra, /) -> AsyncResult[R_co]: ...


class Takes2(Protocol[A_contra, B_contra, R_co]):
    def delay(self, a: A_contra, b: B_contra, /) -> AsyncResult[R_co]: ...


class Takes3(Protocol[A_contra, B_contra, C_contra, R_co]):
    def delay(self, a: A_contra, b: B_contra, c: C_contra, /) -> AsyncResult[R_co]: ...


class Takes4(Protocol[A_contra, B_contra, C_contra, D_contra, R_co]):
    def delay(self, a: A_contra, b: B_contra, c: C_contra, d: D_contra, /) -> AsyncResult[R_co]: ...


class Takes5(Protocol[A_contra, B_contra, C_contra, D_contra, E_contra, R_co]):
    def delay(self, a: A_contra, b: B_contra, c: C_contra, d: D_contra, e: E_contra, /) -> AsyncResult[R_co]: ...
