"""What the adapters of an app's stores are told beside their URLs: settings that have a name of their own in Celery."""

from __future__ import annotations

from typing import Any

from ..conf import Settings


def broker_options(conf: Settings) -> dict[str, Any]:
    """Options of the broker; `broker_transport_options` win."""
    own = {"poison_limit": conf.worker_poison_limit, "connection_timeout": conf.broker_connection_timeout}
    return {**own, **conf.broker_transport_options}


def result_options(conf: Settings) -> dict[str, Any]:
    """Options of the result store; `result_backend_transport_options` win."""
    documents = {
        "serializer": conf.result_serializer,
        "accept": conf.result_accept_content or conf.accept_content,
        "most": conf.decompressed_max_size,
    }
    database = {
        "engine_options": conf.database_engine_options,
        "table": (conf.database_table_names or {}).get("task"),
        "schema": (conf.database_table_schemas or {}).get("task"),
    }
    redis = {"ssl": conf.redis_backend_use_ssl} if conf.redis_backend_use_ssl else {}
    return {**documents, **database, **redis, **conf.result_backend_transport_options}
