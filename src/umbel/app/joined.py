"""Who gathers the members of a chord.

one store for both     the broker, in the step that settles them (`Abilities.joins`)
two stores             the result store (`backend.Joining`): what follows goes through its outbox (`worker/forwarder`)
neither can do it      a chord is refused when it is sent
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from ..backend import Joining
from ..exceptions import ImproperlyConfigured
from ..message import Parcel
from ..sender import ResultSource
from ..urls import mask_url


def apart(app: ResultSource) -> Joining | None:
    """The result store that gathers members whose messages are elsewhere; None where there is no need of it, or none.

    Args:
        app: the application.
    """
    if app.settles_results:
        return None
    backend: object = app.backend()
    return backend if isinstance(backend, Joining) else None


def knows_sizes(app: ResultSource) -> bool | None:
    """Whether whoever gathers members knows by itself how many they are; None: nobody gathers them.

    Args:
        app: the application.
    """
    if app.settles_results:
        abilities = app.broker.abilities
        return abilities.opens if abilities.joins else None
    store = apart(app)
    return None if store is None else store.notes_sizes


def assert_joins(app: ResultSource, results: str | None) -> None:
    """Refuse a chord where nobody could tell that its last member has ended.

    Args:
        app: the application.
        results: URL of its results.

    Raises:
        ImproperlyConfigured: no store can gather the members.
    """
    if knows_sizes(app) is None:
        why = f"{mask_url(results)} cannot do it" if results else "here nobody has them"
        raise ImproperlyConfigured(
            f"A chord is joined by the store that has the results, and {why}. Set result_backend to Redis or to a "
            "SQLite file; the broker may be any other."
        )


def open_joins(app: ResultSource, parcels: Sequence[Parcel], *, anew: bool) -> None:
    """Note the sizes of joins that begin with these messages, before they are sent, where the broker does not do it.

    Args:
        app: the application.
        parcels: about to be sent.
        anew: as `backend.Joining.open_joins` has it.

    Raises:
        OperationalError: the results cannot be reached.
    """
    joins = [join for parcel in parcels for join in parcel.opens]
    store = apart(app) if joins else None
    if store is None:
        return
    if store.notes_sizes:
        store.open_joins(joins, anew=anew)
    for parcel in parcels:
        parcel.opens = ()


def outbox(url: str, options: Mapping[str, Any]) -> str:
    """The name of a broker's outbox: the same for all who name the broker in the same way, whoever they are there.

    Args:
        url: of the broker.
        options: its options.

    Example:
        >>> outbox("amqp://me:secret@host/shop?heartbeat=4", {}) == outbox("pyamqp://you@host/shop", {})
        True
    """
    place = url.partition("://")[2].rpartition("@")[2].partition("?")[0]
    named = f"{options.get('global_keyprefix') or ''}|{place}"
    return hashlib.blake2b(named.encode(), digest_size=8).hexdigest()
