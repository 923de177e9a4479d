"""Celery's settings that are kept and answered, and have no effect in this release. Name -> Celery's default.

`REASONS` says why: most belong to brokers and result stores of their own, some to parts of a later release.
"""

from __future__ import annotations

from typing import Any, Final

ACCEPTED: Final[dict[str, Any]] = {
    "arangodb_backend_settings": None,
    "azureblockblob_base_path": "",
    "azureblockblob_connection_timeout": 20,
    "azureblockblob_container_name": "celery",
    "azureblockblob_read_timeout": 120,
    "azureblockblob_retry_increment_base": 2,
    "azureblockblob_retry_initial_backoff_sec": 2,
    "azureblockblob_retry_max_attempts": 3,
    "beat_enable_remote_control": False,
    "beat_remote_control_max_tick_age": None,
    "broker_channel_error_retry": False,
    "broker_failover_strategy": None,
    "broker_heartbeat_checkrate": 3.0,
    "broker_host": None,
    "broker_password": None,
    "broker_pool_acquire_timeout": None,
    "broker_pool_limit": 10,
    "broker_port": None,
    "broker_transport": None,
    "broker_user": None,
    "broker_vhost": None,
    "cache_backend": None,
    "cache_backend_options": {},
    "cassandra_auth_kwargs": None,
    "cassandra_auth_provider": None,
    "cassandra_bundle_path": None,
    "cassandra_entry_ttl": None,
    "cassandra_keyspace": None,
    "cassandra_options": {},
    "cassandra_port": None,
    "cassandra_read_consistency": None,
    "cassandra_servers": None,
    "cassandra_table": None,
    "cassandra_write_consistency": None,
    "control_exchange": "celery",
    "control_queue_durable": False,
    "control_queue_exclusive": True,
    "control_queue_expires": 10.0,
    "control_queue_ttl": 300.0,
    "cosmosdbsql_collection_name": "celerycol",
    "cosmosdbsql_consistency_level": "Session",
    "cosmosdbsql_database_name": "celerydb",
    "cosmosdbsql_max_retry_attempts": 9,
    "cosmosdbsql_max_retry_wait_time": 30,
    "couchbase_backend_settings": None,
    "database_create_tables_at_setup": True,
    "database_engine_callback": None,
    "database_short_lived_sessions": False,
    "elasticsearch_max_retries": None,
    "elasticsearch_retry_on_timeout": None,
    "elasticsearch_save_meta_as_text": True,
    "elasticsearch_timeout": None,
    "event_queue_durable": False,
    "event_queue_exclusive": True,
    "event_queue_expires": 60.0,
    "event_queue_prefix": "celeryev",
    "event_queue_ttl": 5.0,
    "gcs_base_path": "",
    "gcs_bucket": None,
    "gcs_project": None,
    "gcs_ttl": 0,
    "mongodb_backend_settings": None,
    "redis_max_connections": None,
    "redis_retry_on_timeout": False,
    "redis_socket_connect_timeout": None,
    "redis_socket_keepalive": False,
    "result_backend_always_retry": False,
    "result_backend_base_sleep_between_retries_ms": 10,
    "result_backend_max_retries": float("inf"),
    "result_backend_max_sleep_between_retries_ms": 10000,
    "result_cache_max": -1,
    "result_chord_join_timeout": 3.0,
    "result_chord_retry_interval": 1.0,
    "result_exchange": "celeryresults",
    "result_exchange_type": "direct",
    "s3_access_key_id": None,
    "s3_base_path": None,
    "s3_bucket": None,
    "s3_endpoint_url": None,
    "s3_region": None,
    "s3_secret_access_key": None,
    "security_cert_store": None,
    "security_certificate": None,
    "security_digest": "sha256",
    "security_key": None,
    "security_key_password": None,
    "task_default_delivery_mode": 2,
    "task_retry_on_worker_lost": False,
    "worker_agent": None,
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    "worker_consumer": "celery.worker.consumer:Consumer",
    "worker_deduplicate_successful_tasks": False,
    "worker_detect_quorum_queues": True,
    "worker_direct": False,
    "worker_enable_prefetch_count_reduction": True,
    "worker_enable_soft_shutdown_on_idle": False,
    "worker_eta_task_limit": None,
    "worker_lost_wait": 10.0,
    "worker_pool_putlocks": True,
    "worker_timer": None,
    "worker_timer_precision": 1.0,
}

REASONS: Final[dict[str, str]] = {
    "Result stores and brokers that this release does not have": """
        arangodb_ azureblockblob_ cache_ cassandra_ cosmosdbsql_ couchbase_ elasticsearch_ gcs_ mongodb_
        s3_ broker_host broker_password broker_port broker_transport broker_user
        broker_vhost""",
    "A connection to a server; SQLite and memory have none, and a worker tries again until its store answers": """
        broker_channel_error_retry broker_failover_strategy broker_heartbeat_checkrate broker_pool_
        result_backend_ worker_cancel_long_running_tasks_on_connection_loss
        worker_enable_prefetch_count_reduction""",
    "`result_backend` has the database's URL; a thread has one connection, the table is made when it is needed": """
        database_""",
    "The URL of Redis says it; each part has one connection and one `timeout` for a call": "redis_",
    "Kinds of queues; in SQLite and memory there is one kind, and every message is kept": """
        result_exchange
        task_default_delivery_mode worker_detect_quorum_queues
        worker_direct""",
    "Parts of Celery's worker and client that umbel is built without": """
        result_cache_max worker_agent worker_consumer worker_lost_wait worker_pool_putlocks worker_timer""",
    "Delayed messages stay in the store, so no worker holds them": """
        worker_enable_soft_shutdown_on_idle worker_eta_task_limit""",
    "A result is stored in the step that removes its message": "worker_deduplicate_successful_tasks",
    "A task whose process died runs again (`task_reject_on_worker_lost`)": "task_retry_on_worker_lost",
    "Who leads the schedulers is seen in the store": "beat_",
    "Without effect yet: remote control's own settings come with a later release": """
        control_""",
    "Who receives events has no queue on Redis, SQLite and memory, and one of its connection's own on RabbitMQ": """
        event_queue_""",
    "A chord is joined by its store, so nobody polls and nobody waits for members": "result_chord_",
    "Without effect yet: signed messages come with a later release": "security_",
}
"""Why a setting has no effect -> names, or how they begin."""


def reasons() -> dict[str, list[str]]:
    """Why -> the settings without effect for this reason; each setting once."""
    found: dict[str, list[str]] = {why: [] for why in REASONS}
    for name in sorted(ACCEPTED):
        why = next(why for why, starts in REASONS.items() if name.startswith(tuple(starts.split())))
        found[why].append(name)
    return found
