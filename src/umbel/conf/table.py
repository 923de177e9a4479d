# ruff: noqa: E501 - one setting, one line
"""The table of settings that umbel acts upon. Names, types and defaults are Celery's unless they are umbel's own.

Where the default differs from Celery's, the table has umbel's and `differences.py` says why.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final, Literal

import msgspec

Kind = Literal[
    "bool", "int", "count", "number", "seconds", "text", "names", "dict", "url", "zone", "queues", "routes", "any"
]


class Setting(msgspec.Struct, frozen=True):
    """One setting.

    Attributes:
        name: as in ``conf.name``.
        kind: what a value may be, see `checks.py`.
        default: the value when nobody wrote one.
        doc: one sentence, units included.
        own: True when Celery does not have it.
        least: smallest number allowed.
        fixed: why no other value than the default is taken; "" when others are.
        inert: for one that is accepted and read by nothing: "without effect" and why, or "without effect yet" and until
            when.
    """

    name: str
    kind: Kind
    default: Any
    doc: str
    own: bool = False
    least: float | None = None
    fixed: str = ""
    inert: str = ""


LOG_FORMAT: Final = "[%(asctime)s: %(levelname)s/%(processName)s] %(message)s"
TASK_LOG_FORMAT: Final = (
    "[%(asctime)s: %(levelname)s/%(processName)s] %(task_name)s[%(task_id)s]: %(message)s"
)  # fmt: skip
_RETRY_POLICY: Final = {"max_retries": 3, "interval_start": 0, "interval_max": 1, "interval_step": 0.2}

_ROWS: Final = (
    # Stores
    Setting("broker_url", "url", None, "URL of the broker; None is a SQLite file of the app's own; the environment's CELERY_BROKER_URL or UMBEL_BROKER_URL wins."),
    Setting("broker_read_url", "url", None, "Another URL of the broker, for all but sending: workers consume, settle, retry and answer through it."),
    Setting("broker_write_url", "url", None, "Another URL of the broker, for sending."),
    Setting("broker_transport_options", "dict", {}, "Options handed to the broker's adapter."),
    Setting("broker_connection_timeout", "number", 4, "Seconds in which a connection must be made; the store's adapter gets it as the option `connection_timeout`. SQLite and memory have no connection, so it means nothing there.", least=0),
    Setting("broker_connection_retry_on_startup", "bool", None, "Whether a worker whose broker does not answer at its start tries again; None follows `broker_connection_retry`. Later it tries again as long as it lives."),
    Setting("broker_connection_retry", "bool", True, "See `broker_connection_retry_on_startup`."),
    Setting("broker_connection_max_retries", "int", 100, "How often it tries again at its start, 2, 4, 6 seconds apart and so on up to 30; 0 or None: without end.", least=0),
    Setting("broker_heartbeat", "number", 4, "Seconds without a sign of life after which RabbitMQ and a connection take each other for dead, counted twice; 0 for none.", least=0),
    Setting("broker_login_method", "text", None, "EXTERNAL lets the certificate say who asks RabbitMQ; otherwise the URL does."),
    Setting("broker_use_ssl", "any", False, "TLS of the broker, True or a dict: `ca_certs`, `certfile`, `keyfile`, `cert_reqs`, `check_hostname`, with or without `ssl_` before them; a URL with amqps:// or rediss:// says the same."),
    Setting("broker_native_delayed_delivery_queue_type", "text", "quorum", "Type of new queues in which RabbitMQ keeps delayed messages; those that exist are used as they are."),
    Setting("result_backend", "url", None, "URL of the result store; None is the broker's own file on SQLite and memory, elsewhere no results; the environment's CELERY_RESULT_BACKEND or UMBEL_RESULT_BACKEND wins."),
    Setting("result_backend_transport_options", "dict", {}, "Options handed to the result store's adapter; see [Redis](redis.md)."),
    Setting("redis_host", "text", None, "Host of a Redis result store whose URL names none, as `redis://` or the name `redis`."),
    Setting("redis_port", "int", None, "Its port, as above."),
    Setting("redis_db", "int", None, "Its database, as above."),
    Setting("redis_username", "text", None, "User of a Redis result store whose URL names none."),
    Setting("redis_password", "text", None, "Password of a Redis result store whose URL has none."),
    Setting("result_persistent", "bool", None, "Whether results that are sent by `rpc://` outlive a restart of RabbitMQ on their way."),
    Setting("redis_socket_timeout", "number", None, "Seconds in which a Redis result store must answer a call; None is the URL's `timeout`, or 5.", least=0),
    Setting("database_url", "text", None, 'The database that `result_backend = "db"` means, as SQLAlchemy writes it.'),
    Setting("redis_backend_use_ssl", "any", None, "TLS of a Redis result store, True or a dict: `ssl_cert_reqs`, `ssl_ca_certs`, `ssl_certfile`, `ssl_keyfile`, `ssl_check_hostname`; the option `ssl` says the same."),
    Setting("database_engine_options", "dict", {"pool_pre_ping": True, "pool_recycle": 3600}, "Arguments of SQLAlchemy's `create_engine` for results in a database; those about its pool mean nothing, a thread has one connection."),
    Setting("database_table_names", "dict", None, 'Other names of the tables of results and saved groups in a database, as `{"task": name, "group": name}`.'),
    Setting("database_table_schemas", "dict", None, 'The schemas that they are in, as `{"task": schema, "group": schema}`.'),
    # Messages
    Setting("accept_content", "names", ("json",), "Serializers and content types that are decoded; anything else is refused."),
    Setting("result_accept_content", "names", None, "The same for results; None takes `accept_content`."),
    Setting("task_serializer", "text", "json", "Serializer of messages: json, msgpack, yaml, pickle, or a registered one."),
    Setting("result_serializer", "text", "json", "Serializer of results."),
    Setting("task_compression", "text", None, "Compression of messages: gzip, bzip2, lzma, zstd, or a registered one; None for none."),
    Setting("result_compression", "text", None, "Compression of stored results; Celery reads them from 5.7 on."),
    Setting("decompressed_max_size", "int", 134_217_728, "Bytes to which a compressed message or result may grow when it is read; one that would grow further is refused.", own=True, least=1),
    Setting("task_protocol", "int", 2, "Version of the message format; another one is refused.", fixed="umbel reads and writes version 2 of the message format only"),
    Setting("task_repr_maxlevels", "int", 3, "Nested containers shown in the text of arguments.", least=0),
    Setting("task_redact_args", "bool", False, "Keep arguments out of logs, events and listings.", own=True),
    # Sending
    Setting("task_publish_deadline", "number", 5.0, "Seconds in which the broker must take responsibility, or `delay()` raises.", own=True, least=0),
    Setting("task_publish_retry", "bool", True, "Try again within the deadline when the broker does not answer."),
    Setting("task_publish_retry_policy", "dict", _RETRY_POLICY, "How often and how fast: max_retries, interval_start, interval_step, interval_max (seconds)."),
    Setting("task_queue_max_length", "dict", {}, "Queue name -> most waiting messages; `delay()` raises QueueFull beyond.", own=True),
    Setting("task_always_eager", "bool", False, "Run tasks in the calling process, at once."),
    Setting("task_eager_propagates", "bool", False, "Eager tasks raise their errors."),
    Setting("task_store_eager_result", "bool", False, "Store the results of eager tasks too."),
    Setting("task_allow_error_cb_on_chord_header", "bool", False, "An errback of a chord goes to the tasks of its header too."),
    # Routing
    Setting("task_default_queue", "text", "celery", "Queue of tasks that nothing else routes."),
    Setting("task_default_exchange", "text", None, "Exchange of queues that name none; None is the name of the default queue."),
    Setting("task_default_queue_type", "text", "quorum", "Type of the default queue when RabbitMQ does not have it yet; the name `celery` is always a classic one, as every Celery process declares it."),
    Setting("task_default_exchange_type", "text", "direct", "Its type: direct, topic or fanout."),
    Setting("task_default_routing_key", "text", None, "Key of queues that name none; None is the name of the default queue."),
    Setting("task_default_priority", "int", None, "Priority of tasks that name none, 0-9.", least=0),
    Setting("task_inherit_parent_priority", "bool", False, "Tasks sent by a task take its priority."),
    Setting("task_queues", "queues", None, "The queues that exist: a list of `Queue`s (kombu's are taken too) or names, or a dict by name. A worker without `-Q` consumes them; None is `task_default_queue`."),
    Setting("task_create_missing_queues", "bool", True, "A queue that is named but not in `task_queues` exists all the same; off, naming it raises QueueNotFound."),
    Setting("task_create_missing_queue_type", "text", "quorum", "Type of other queues that neither RabbitMQ nor `task_queues` has yet."),
    Setting("task_create_missing_queue_exchange_type", "text", None, "Type of the exchange of such a queue, which has the queue's name; None is direct."),
    Setting("task_queue_max_priority", "int", None, "Highest priority of queues that name none; a higher one counts as this.", least=0),
    Setting("task_routes", "routes", None, "Task name, glob or compiled pattern -> queue name or options; a function that says so, or its dotted path; or a list of these."),
    # Tasks
    Setting("task_acks_late", "bool", True, "Acknowledge when the outcome is stored; False acknowledges before the function starts."),
    Setting("task_acks_on_failure", "bool", None, "False sets the message of a task that failed aside, in the dead letters, beside its stored result; None takes the next one. Only what is acknowledged late."),
    Setting("task_acks_on_failure_or_timeout", "bool", True, "Both at once, for failures and hard time limits."),
    Setting("task_acks_on_timeout", "bool", None, "The same for a task past its hard time limit; None takes the former."),
    Setting("task_reject_on_worker_lost", "bool", True, "A task whose process died is run again, until `worker_poison_limit`; False stores the failure."),
    Setting("task_annotations", "any", None, 'Task name or "*" -> attributes to set on the task.'),
    Setting("task_ignore_result", "bool", False, "Store no results."),
    Setting("task_store_errors_even_if_ignored", "bool", False, "Store failures although results are ignored."),
    Setting("task_track_started", "bool", False, "Store STARTED when a task starts."),
    Setting("task_time_limit", "number", None, "Seconds after which a task is stopped and fails.", least=0),
    Setting("task_soft_time_limit", "number", None, "Seconds after which SoftTimeLimitExceeded is raised inside the function.", least=0),
    Setting("task_default_rate_limit", "any", None, 'Rate limit of tasks that name none: a number a second, or "10/m".'),
    Setting("task_remote_tracebacks", "bool", False, "Show the worker's traceback with the error that `get()` raises."),
    Setting("task_unknown_hold", "number", 300.0, "Seconds that a message of an unknown task waits for a worker that knows it.", own=True, least=0),
    # Results
    Setting("result_expires", "seconds", timedelta(days=1), "Lifetime of results, seconds or timedelta; 0 or None keeps them."),
    Setting("result_failure_expires", "seconds", None, "Lifetime of results of the state FAILURE; 0 keeps them, None takes `result_expires`."),
    Setting("result_chord_expires", "seconds", None, "How long a chord is remembered of which nothing is heard, and what is stored of a long chain is kept, seconds or timedelta; None takes `result_expires`."),
    Setting("result_extended", "bool", False, "Store name, arguments, worker, retries and queue with the result."),
    Setting("result_max_count", "int", 0, "Most results that are kept, the oldest go first; 0 is no bound.", own=True, least=0),
    Setting("dead_letter_max_age", "seconds", timedelta(days=30), "Lifetime of dead letters, seconds or timedelta; 0 keeps them.", own=True),
    Setting("dead_letter_max_count", "int", 100_000, "Most dead letters that are kept, the oldest go first; 0 is no bound.", own=True, least=0),
    # Time
    Setting("enable_utc", "bool", True, "Send times in UTC; off sends them in `timezone`."),
    Setting("timezone", "zone", None, "Name of a time zone or a tzinfo; None is UTC, or the machine's when `enable_utc` is off."),
    # Worker
    Setting("imports", "names", (), "Modules that a worker imports at its start."),
    Setting("include", "names", (), "More of them; the app's ``include=``."),
    Setting("worker_pool", "text", "prefork", "Pool preset: process (prefork), thread (threads), asyncio, solo."),
    Setting("worker_concurrency", "count", None, 'Functions that run at once; None or "auto" is the number of cores.', least=1),
    Setting("worker_autoscaler", "any", "celery.worker.autoscale:Autoscaler", "Class, or its import path, that lets the pool follow its work (`--autoscale`); the default stands for umbel's own."),
    Setting("worker_async_concurrency", "int", 500, "Coroutines that run at once in each child.", own=True, least=1),
    Setting("worker_prefetch_multiplier", "int", 0, "Most messages held for each slot; 0 holds about 10 ms of measured work.", least=0),
    Setting("worker_disable_prefetch", "bool", False, "Hold no message that is not running."),
    Setting("worker_max_tasks_per_child", "int", None, "Tasks after which a child is replaced.", least=1),
    Setting("worker_max_memory_per_child", "int", None, "Resident memory in KiB above which a child is replaced.", least=1),
    Setting("worker_pool_start_method", "text", "fork", "How children start: fork, or spawn for libraries that cannot bear a fork."),
    Setting("worker_proc_alive_timeout", "number", 60.0, "Seconds from its start in which a child must be ready, receivers of `worker_process_init` included; then it is killed and replaced. 0: no limit.", least=0),
    Setting("worker_shutdown_grace", "number", 25.0, "Seconds that running tasks have after SIGTERM; then they are interrupted and handed back.", own=True, least=0),
    Setting("worker_soft_shutdown_timeout", "number", 0.0, "Seconds that running tasks still have after a second signal, or after SIGQUIT, within `worker_shutdown_grace`; then, or at one more signal, they are interrupted and handed back. 0: at once.", least=0),
    Setting("worker_poison_limit", "int", 3, "Deaths of its process after which a message is set aside.", own=True, least=1),
    Setting("worker_enable_remote_control", "bool", True, "Answer `inspect` and `control`."),
    Setting("worker_pool_restarts", "bool", False, "Let `control pool_restart` replace all processes of a worker."),
    Setting("task_rate_limit_scope", "text", "worker", "For whom rate limits are that name no `rate_limit_scope`: each `worker` by itself, or the `cluster`, all workers together (Redis, SQLite).", own=True),
    Setting("worker_disable_rate_limits", "bool", False, "Run tasks without their rate limits."),
    Setting("worker_send_task_events", "bool", False, "Send events about tasks; `-E`."),
    # Events
    Setting("task_send_sent_event", "bool", False, "Send an event for each task that is sent."),
    Setting("event_exchange", "text", "celeryev", "Exchange of events."),
    Setting("event_serializer", "text", "json", "Serializer of events."),
    Setting("worker_state_db", "text", None, "File for revoked ids.", inert="without effect: revocations are kept in the store, where every worker sees them"),
    # Schedules
    Setting("beat_schedule", "dict", {}, "Periodic tasks by name, see [schedules](schedules.md)."),
    Setting("beat_entries_file", "text", None, "A file of more such entries, TOML or JSON: what changes in it acts within a second, see [live schedules](schedules.md#while-they-run).", own=True),
    Setting("beat_scheduler", "text", "celery.beat:PersistentScheduler", "A scheduler class of Celery's kind, or a package's name for one, that runs instead of umbel's own as soon as this is written; `-S`."),
    Setting("beat_max_loop_interval", "number", 0, "Most seconds of one sleep of `umbel beat`; 0: as long as it takes, or what a scheduler class says.", least=0),
    Setting("beat_schedule_filename", "text", "celerybeat-schedule", "File of such a class that has one; `-s`. umbel's own keeps what ran in the store, and only goes on from what Celery's beat has left there."),
    Setting("beat_sync_every", "int", 0, "Tasks after which such a class writes what it keeps; 0: every three minutes.", least=0),
    Setting("beat_cron_starting_deadline", "number", None, "Seconds after which a missed run of a `crontab` is not caught up; None: always.", least=0),
    # Logs
    Setting("worker_log_format", "text", LOG_FORMAT, "Format of log lines."),
    Setting("worker_log_datefmt", "text", None, "Format of their time."),
    Setting("worker_task_log_format", "text", TASK_LOG_FORMAT, "Format of log lines written by tasks."),
    Setting("worker_task_log_datefmt", "text", None, "Format of their time."),
    Setting("worker_log_color", "bool", None, "Lines coloured by level, on standard error only: None on a terminal without `NO_COLOR`, True always, False never."),
    Setting("worker_log_json", "bool", False, "Write logs as one JSON object a line.", own=True),
    Setting("worker_hijack_root_logger", "bool", False, "Replace the handlers of the root logger."),
    Setting("worker_redirect_stdouts", "bool", False, "What a task prints goes to the logger `celery.redirected`, line by line, with the task's name and id."),
    Setting("worker_redirect_stdouts_level", "text", "WARNING", "The level of these lines."),
)  # fmt: skip

SETTINGS: Final[dict[str, Setting]] = {row.name: row for row in _ROWS}
