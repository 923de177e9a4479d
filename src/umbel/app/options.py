"""What the adapters of an app's stores are told beside their URLs: settings that have a name of their own in Celery."""

from __future__ import annotations

from typing import Any

import msgspec

from ..conf import Settings
from ..exceptions import ImproperlyConfigured
from ..identity import oid
from ..routing import Declared
from ..withdraw import lifetime
from .byclass import SCHEME, names_class

_DATABASES = frozenset({"db", "database"})


def broker_options(conf: Settings, declared: Declared) -> dict[str, Any]:
    """Options of the broker; `broker_transport_options` win."""
    own = {
        "poison_limit": conf.worker_poison_limit,
        "connection_timeout": conf.broker_connection_timeout,
        "heartbeat": conf.broker_heartbeat,
        "login_method": conf.broker_login_method,
        "queue_type": conf.task_create_missing_queue_type,
        "delay_queue_type": conf.broker_native_delayed_delivery_queue_type,
        "event_exchange": conf.event_exchange,
        "queues": queue_fields(declared, conf.task_default_queue_type),
    }
    secure = {"ssl": conf.broker_use_ssl} if conf.broker_use_ssl else {}
    return {**own, **_of_both(conf.result_backend_transport_options), **secure, **conf.broker_transport_options}


def _of_both(results: dict[str, Any]) -> dict[str, Any]:
    """What Celery tells its result store, and a broker that settles results must know."""
    return {name: results[name] for name in ("result_chord_ordered",) if name in results}


def queue_fields(declared: Declared, default_type: str) -> dict[str, dict[str, Any]]:
    """What the settings say of each queue, as plain values under kombu's names, for brokers that declare queues.

    Args:
        declared: the queues.
        default_type: `task_default_queue_type`.

    Returns:
        name -> fields of the queue; its ``bindings`` are (fields of the exchange, key, arguments), ``queue_type`` is
        the type that it has when its arguments name none ("" for the server's own default).
    """
    found = {}
    for name, queue in declared.queues.items():
        fields = queue.as_dict()
        ways = [(way, key, None) for way, key in queue.ways] if not queue.bindings else None
        bound = ways or [(one.exchange, one.routing_key, one.arguments) for one in queue.bindings]
        fields["per_worker"] = queue.per_worker
        fields["bindings"] = [(msgspec.structs.asdict(way), key, more) for way, key, more in bound]
        fields["queue_type"] = default_type if name == declared.default_queue or not declared.written else ""
        found[name] = fields
    return found


def named_store(url: str, database: str | None) -> str:
    """The URL of a result store; Celery's names stand for one: redis, rpc, and db or database for `database_url`.

    Args:
        url: `result_backend`.
        database: `database_url`.

    Raises:
        ImproperlyConfigured: a database is meant, and none is named.

    Example:
        >>> named_store("redis", None), named_store("database", "sqlite:///results.db")
        ('redis://', 'db+sqlite:///results.db')
    """
    if names_class(url):
        return SCHEME + url
    if url not in _DATABASES:
        return f"{url}://" if url.isidentifier() else url
    if not database:
        raise ImproperlyConfigured(
            f"result_backend = {url!r} means the database that `database_url` names, and that is not set. Write for "
            f'example result_backend = "db+postgresql://user@host/name".'
        )
    return database if database.startswith("db+") else f"db+{database}"


def result_options(conf: Settings, broker_url: str, broker: dict[str, Any]) -> dict[str, Any]:
    """Options of the result store; `result_backend_transport_options` win.

    Args:
        conf: the settings.
        broker_url: where messages are sent; results that are sent go there too.
        broker: its options.
    """
    documents = {
        "serializer": conf.result_serializer,
        "accept": conf.result_accept_content or conf.accept_content,
        "most": conf.decompressed_max_size,
    }
    database = {
        "engine_options": conf.database_engine_options,
        "table": (conf.database_table_names or {}).get("task"),
        "schema": (conf.database_table_schemas or {}).get("task"),
        "group_table": (conf.database_table_names or {}).get("group"),
        "group_schema": (conf.database_table_schemas or {}).get("group"),
    }
    redis: dict[str, Any] = {"ssl": conf.redis_backend_use_ssl} if conf.redis_backend_use_ssl else {}
    if conf.redis_socket_timeout is not None:
        redis["socket_timeout"] = conf.redis_socket_timeout
    unsaid = {
        "host": conf.redis_host,
        "port": conf.redis_port,
        "db": conf.redis_db,
        "username": conf.redis_username,
        "password": conf.redis_password,
    }
    redis["unsaid"] = {part: said for part, said in unsaid.items() if said not in (None, "")}
    answers = {
        "broker_url": broker_url,
        "broker_options": broker,
        "reply_to": oid(),
        "expires": lifetime(conf.result_expires),
        "persistent": conf.result_persistent,
    }
    return {**documents, **database, **answers, **redis, **conf.result_backend_transport_options}
