"""Celery's modules, the names in them that umbel has, and where: the whole of the drop-in's knowledge.

A name stands here when umbel has it with Celery's signature. A module without names is there for those below it.
"""

from __future__ import annotations

from typing import Final


def _same(module: str, names: str) -> dict[str, str]:
    """Names that are called in one of umbel's modules what Celery calls them."""
    return {name: f"{module}:{name}" for name in names.split()}


_RELEASE = "umbel.integrations.celery.release"

_EXCEPTIONS = _same(
    "umbel.exceptions",
    "AlreadyRegistered AlwaysEagerIgnored BackendError BackendGetMetaError BackendStoreError CPendingDeprecationWarning"
    " CeleryError CeleryWarning ChordError DuplicateNodenameWarning DuplicateTaskNameWarning Ignore"
    " ImproperlyConfigured IncompleteStream InvalidTaskError MaxRetriesExceededError NotConfigured NotRegistered"
    " OperationalError QueueNotFound Reject Retry RetryTaskError SecurityError SecurityWarning SoftTimeLimitExceeded"
    " SystemTerminate TaskError TaskPredicate TaskRevokedError Terminated TimeLimitExceeded TimeoutError"
    " WorkerLostError WorkerShutdown WorkerTerminate",
)
_SIGNALS = _same(
    "umbel.signals",
    "after_setup_logger after_setup_task_logger after_task_publish beat_embedded_init beat_init before_task_publish"
    " celeryd_after_setup celeryd_init eventlet_pool_apply eventlet_pool_postshutdown eventlet_pool_preshutdown"
    " eventlet_pool_started heartbeat_sent import_modules setup_logging task_failure task_internal_error task_postrun"
    " task_prerun task_received task_rejected task_retry task_revoked task_sent task_success task_unknown"
    " user_preload_options worker_before_create_process worker_init worker_process_init worker_process_shutdown"
    " worker_ready worker_shutdown worker_shutting_down",
)
_STATES = _same(
    "umbel.states",
    "ALL_STATES EXCEPTION_STATES FAILURE IGNORED PENDING PRECEDENCE PROPAGATE_STATES READY_STATES RECEIVED REJECTED"
    " RETRY REVOKED STARTED SUCCESS UNREADY_STATES precedence",
)
_RESULT = _same(
    "umbel.result",
    "AsyncResult EagerResult GroupResult ResultSet allow_join_result assert_will_not_block denied_join_result"
    " result_from_tuple task_join_will_block",
)
_CANVAS = _same("umbel.canvas", "Signature chain chord chunks group maybe_signature signature subtask xmap xstarmap")
_APPS = _same("umbel.app", "bugreport current_app current_task shared_task")
_CELERY = {"Celery": "umbel.app:Umbel"}
_CACHED = "umbel.utils.objects:cached_property"
_UUID = "umbel.ids:new_id"
_VERSION = {"__version__": f"{_RELEASE}:CELERY", "VERSION": f"{_RELEASE}:CELERY_INFO"}
_BACKEND, _KEYED = "umbel.result.classes:BaseBackend", "umbel.result.classes:KeyValueStoreBackend"
_MODELS = "umbel.adapters.database.models"
_ENTITIES = _same("umbel.routing", "Exchange Queue binding")
_LIMITS = _same("umbel.exceptions", "SoftTimeLimitExceeded Terminated TimeLimitExceeded WorkerLostError")

MODULES: Final[dict[str, dict[str, str]]] = {
    "celery": {
        **_CELERY, **_APPS, **_CANVAS, **_VERSION, "Task": "umbel.task:Task", "uuid": _UUID,
        "maybe_patch_concurrency": "umbel.app.programs:maybe_patch_concurrency",
        "version_info": f"{_RELEASE}:CELERY_INFO", "version_info_t": f"{_RELEASE}:version_info_t",
        "SERIES": f"{_RELEASE}:SERIES", "VERSION_BANNER": f"{_RELEASE}:BANNER",
    },
    "celery._state": {
        **_same("umbel.app", "current_app current_task get_current_app"),
        "_task_stack": "umbel.task.stack:task_stack", "get_current_task": "umbel.current:running_task",
        "get_current_worker_task": "umbel.app.sharing:get_current_worker_task",
        "set_default_app": "umbel.current:set_default",
    },
    "celery.app": {**_CELERY, **_same("umbel.app", "app_or_default bugreport shared_task")},
    "celery.app.base": _CELERY,
    "celery.app.control": {"flatten_reply": "umbel.answers:flatten_reply", **_same("umbel.control", "Control Inspect")},
    "celery.app.defaults": _same(
        "umbel.conf.defaults",
        "DEFAULTS DEFAULT_ACCEPT_CONTENT DEFAULT_POOL DEFAULT_PROCESS_LOG_FMT DEFAULT_TASK_LOG_FMT SETTING_KEYS",
    ),
    "celery.app.events": _same("umbel.events", "Events"),
    "celery.app.log": _same("umbel.utils.formatters", "TaskFormatter"),
    "celery.app.registry": _same("umbel.registry", "TaskRegistry"),
    "celery.app.task": {"Context": "umbel.context:Made", "Task": "umbel.task:Task"},
    "celery.app.trace": _same("umbel.task.tracing", "build_tracer task_has_custom"),
    "celery.backends": {},
    "celery.backends.base": {
        "BaseBackend": _BACKEND, "BaseDictBackend": _BACKEND, "BaseKeyValueStoreBackend": _KEYED,
        "DisabledBackend": "umbel.result.disabled:DisabledBackend", "KeyValueStoreBackend": _KEYED,
        "get_current_task": "umbel.current:running_task",
    },
    "celery.backends.database": {
        "DatabaseBackend": "umbel.app.databases:DatabaseBackend",
        **_same(_MODELS, "SessionManager Task TaskExtended TaskSet session_cleanup"),
    },
    "celery.backends.database.models": _same(_MODELS, "ResultModelBase Task TaskExtended TaskSet"),
    "celery.backends.database.session": _same(_MODELS, "ResultModelBase SessionManager"),
    "celery.beat": _same(
        "umbel.schedulers",
        "DEFAULT_MAX_INTERVAL BeatLazyFunc EmbeddedService PersistentScheduler ScheduleEntry Scheduler SchedulingError"
        " Service event_t",
    ),
    "celery.bin": {},
    "celery.bin.base": _same("umbel.cli.plugins", "CLIContext CeleryCommand"),
    "celery.bin.celery": {"celery": "umbel.cli.group:umbel", "main": "umbel.cli:main"},
    "celery.bootsteps": _same(
        "umbel.bootsteps", "Blueprint CLOSE ConsumerStep RUN StartStopStep Step TERMINATE"
    ),
    "celery.canvas": {**_CANVAS, "StampingVisitor": "umbel.canvas:StampingVisitor"},
    "celery.concurrency": {},
    "celery.concurrency.base": _same("umbel.worker.strategies", "BasePool"),
    "celery.contrib": {},
    "celery.contrib.abortable": _same("umbel.task.abortable", "AbortableAsyncResult AbortableTask"),
    "celery.contrib.django": {},
    "celery.contrib.django.task": _same("umbel.app.django", "DjangoTask"),
    "celery.contrib.pytest": _same(
        "umbel.testing.celerys",
        "celery_app celery_config celery_includes celery_parameters celery_session_app celery_session_worker"
        " celery_worker celery_worker_parameters celery_worker_pool depends_on_current_app pytest_configure",
    ),
    "celery.contrib.testing": {},
    "celery.contrib.testing.tasks": _same("umbel.testing.background", "ping"),
    "celery.contrib.testing.worker": _same("umbel.testing.background", "start_worker"),
    "celery.events": _same("umbel.events", "Event EventDispatcher EventReceiver group_from"),
    "celery.events.cursesmon": _same("umbel.events.cursesmon", "CursesMonitor evtop"),
    "celery.events.dispatcher": _same("umbel.events", "EventDispatcher"),
    "celery.events.dumper": _same("umbel.events.dumper", "Dumper evdump humanize_type"),
    "celery.events.event": _same("umbel.events", "Event group_from"),
    "celery.events.receiver": _same("umbel.events", "EventReceiver"),
    "celery.events.snapshot": {
        "Polaroid": "umbel.events.snapshot:Polaroid", "evcam": "umbel.cli.cameras:evcam",
    },
    "celery.events.state": {
        **_same("umbel.events", "State Task Worker"),
        **_same("umbel.events.records", "HEARTBEAT_EXPIRE_WINDOW heartbeat_expires"),
    },
    "celery.exceptions": _EXCEPTIONS,
    "celery.registry": {"tasks": "umbel.app.sharing:tasks"},
    "celery.result": _RESULT,
    "celery.schedules": _same(
        "umbel.schedules",
        "BaseSchedule ParseException crontab crontab_parser maybe_schedule schedstate schedule solar",
    ),
    "celery.signals": _SIGNALS,
    "celery.states": _STATES,
    "celery.utils": {
        **_same("umbel.utils.encoding", "get_full_cls_name"), "cached_property": _CACHED,
        "gen_unique_id": _UUID, "uuid": _UUID,
    },
    "celery.utils.dispatch": _same("umbel.signals", "Signal"),
    "celery.utils.dispatch.signal": _same("umbel.signals", "Signal"),
    "celery.utils.functional": _same("umbel.events.lru", "LRUCache"),
    "celery.utils.graph": _same("umbel.utils.graph", "DependencyGraph"),
    "celery.utils.imports": _same("umbel.loading", "instantiate symbol_by_name"),
    "celery.utils.log": {
        "ColorFormatter": "umbel.utils.formatters:ColorFormatter",
        **_same("umbel.utils.log", "base_logger get_logger get_task_logger"),
    },
    "celery.utils.nodenames": _same(
        "umbel.utils.nodenames",
        "anon_nodename default_nodename gethostname host_format node_format nodename nodesplit",
    ),
    "celery.utils.serialization": _same("umbel.utils.encoding", "b64decode b64encode"),
    "celery.utils.time": _same("umbel.utils.time", "humanize_seconds maybe_make_aware maybe_timedelta timezone"),
    "celery.worker": {},
    "celery.worker.autoscale": _same("umbel.worker.autoscale", "Autoscaler"),
    "celery.worker.consumer": _same("umbel.worker.handles", "Consumer"),
    "celery.worker.request": {
        "Request": "umbel.worker.told:Received", **_same("umbel.worker.strategies", "create_request_cls"),
    },
    "celery.worker.strategy": _same("umbel.worker.strategies", "default hybrid_to_proto2 proto1_to_proto2"),
    "kombu": {
        **_ENTITIES, **_same("umbel.app.producing", "Producer"),
        "__version__": f"{_RELEASE}:KOMBU", "VERSION": f"{_RELEASE}:KOMBU_INFO",
    },
    "kombu.asynchronous": {},
    "kombu.asynchronous.timer": _same("umbel.utils.timer", "Entry Timer to_timestamp"),
    "kombu.common": _same("umbel.routing", "Broadcast"),
    "kombu.entity": _ENTITIES,
    "kombu.exceptions": {
        "ConnectionError": "umbel.exceptions:OperationalError",  # both mean that the broker cannot be reached
        **_same("umbel.exceptions", "ContentDisallowed DecodeError EncodeError OperationalError SerializationError"),
    },
    "kombu.message": _same("umbel.worker.strategies", "Message"),
    "kombu.serialization": _same("umbel.serialization", "register unregister"),
    "kombu.utils": {"cached_property": _CACHED, "symbol_by_name": "umbel.loading:symbol_by_name", "uuid": _UUID},
    "kombu.utils.encoding": _same("umbel.utils.encoding", "bytes_to_str safe_repr safe_str str_to_bytes"),
    "kombu.utils.functional": _same("umbel.events.lru", "LRUCache"),
    "kombu.utils.imports": _same("umbel.loading", "symbol_by_name"),
    "kombu.utils.json": {
        "dumps": "umbel.serialization:dumps_json", "loads": "umbel.serialization:loads_json",
        **_same("umbel.serialization", "register_type"),
    },
    "kombu.utils.objects": {"cached_property": _CACHED},
    "kombu.utils.url": _same("umbel.urls", "maybe_sanitize_url"),
    "kombu.utils.uuid": {"uuid": _UUID},
    "billiard": {"__version__": f"{_RELEASE}:BILLIARD", "VERSION": f"{_RELEASE}:BILLIARD_INFO"},
    "billiard.einfo": _same("umbel.einfo", "ExceptionInfo ExceptionWithTraceback"),
    "billiard.exceptions": _LIMITS,
    "billiard.pool": _same("umbel.worker.workloop", "Worker"),
}  # fmt: skip
"""Module -> name -> "umbel.module:name"."""

REPLACED: Final = frozenset({("celery.app.trace", "build_tracer")})
"""Names that tracers replace: what is written to them here is written to umbel's module, which looks there."""
