"""The only module that imports by name: stores and pools by entry point, applications and settings by path.

    open_broker, open_backend   URL scheme -> entry point in ``umbel.brokers`` / ``umbel.backends``
    pool_factory                pool name -> entry point in ``umbel.pools``
    symbol, load_app            "package.module:attribute"
    symbol_by_name              the same, with kombu's arguments and errors
    default_store_url           where an app that names no broker keeps its file

An entry point of a store is called with (url, options) and returns what `broker.py` or `backend.py` describe. One whose
name ends with a "+" is for all schemes that begin so and have no entry point of their own.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Final
from urllib.parse import quote

from .backend import Backend
from .broker import Broker
from .exceptions import ImproperlyConfigured, MissingExtra
from .places import state_dir
from .urls import mask_url, scheme

__all__ = [
    "default_store_url", "exists", "extensions", "instantiate", "load_app", "mask_url", "open_backend",
    "open_broker", "pool_factory", "state_dir", "symbol", "symbol_by_name",
]  # fmt: skip

_PRODUCTS: Final = {
    "rabbitmq": ("RabbitMQ", "amqp"), "rabbit": ("RabbitMQ", "amqp"), "librabbitmq": ("RabbitMQ", "amqp"),
    "rabbitmqs": ("RabbitMQ with TLS", "amqps"), "py-amqp": ("RabbitMQ", "amqp"), "valkey": ("Valkey", "redis"),
    "valkeys": ("Valkey with TLS", "rediss"), "redis+ssl": ("Redis with TLS", "rediss"),
    "redis+sentinel": ("Sentinel", "sentinel"), "unix": ("a unix socket", "redis+socket"),
    "file": ("a file", "sqlite"), "sqlite3": ("a file", "sqlite"), "sqla": ("a file", "sqlite"),
}  # fmt: skip
"""What people write in the place of a scheme: what they mean, and how it is written."""

# Schemes of technologies that are or will be extras of umbel, so that a missing one can say what to do.
_EXTRAS: Final = {
    "redis": "redis", "rediss": "redis", "redis+socket": "redis", "sentinel": "redis", "socket": "redis",
    "redis+cluster": "redis", "rediss+cluster": "redis",
    "amqp": "rabbitmq", "amqps": "rabbitmq", "pyamqp": "rabbitmq", "rpc": "rabbitmq",
    "kafka": "kafka", "confluentkafka": "kafka",
    "postgresql": "postgres", "postgres": "postgres",
    "sqs": "sqs",
    "db+": "database",
}  # fmt: skip


def open_broker(url: str, options: dict[str, Any]) -> Broker:
    """Open the store that a URL names.

    Args:
        url: ``scheme://...``.
        options: `broker_transport_options`.

    Raises:
        MissingExtra: a package has to be installed first; the sentence has the command.
        ImproperlyConfigured: no URL, or a scheme that nobody offers.
        OperationalError: the store cannot be opened.

    Example:
        >>> open_broker("memory://", {}).abilities.shared
        False
    """
    broker: Broker = _offered("umbel.brokers", scheme(url), "broker")(url, options)
    return broker


def open_backend(url: str, options: dict[str, Any]) -> Backend:
    """Open the result store that a URL names; arguments and errors are those of `open_broker`."""
    backend: Backend = _offered("umbel.backends", scheme(url), "result backend")(url, options)
    return backend


def pool_factory(name: str) -> Callable[..., Any]:
    """What builds the executor of that name inside a child: "inline", "thread", "asyncio", or a package's own.

    Raises:
        ImproperlyConfigured: nobody offers it.
    """
    return _offered("umbel.pools", name, "pool")


@functools.cache
def _offered(group: str, name: str, what: str) -> Callable[..., Any]:
    # Reading every installed package's metadata takes milliseconds: only for those who open a store.
    from importlib.metadata import entry_points  # noqa: PLC0415 - see above

    found = entry_points(group=group)
    names = {entry.name for entry in found}
    if name not in names and _family(name) in {*names, *_EXTRAS}:
        name = _family(name)
    for entry in found:
        if entry.name == name:
            try:
                loaded: Callable[..., Any] = entry.load()
            except ModuleNotFoundError as error:
                raise _missing(name, what, error.name) from error
            return loaded
    if what != "pool" and _EXTRAS.get(name) in _declared() and not _offers_another_role(name):
        raise _missing(name, what, None)
    known = ", ".join(sorted(names)) or "none"
    if what != "pool" and name in _EXTRAS:
        raise ImproperlyConfigured(f"This release of umbel has no {what} for {name!r} yet; use one of: {known}.")
    meant = _meant(name, what, names)
    raise ImproperlyConfigured(f"Nobody offers a {what} called {name!r}; installed are: {known}.{meant}")


def _meant(name: str, what: str, names: set[str]) -> str:
    """What somebody may have had in mind who wrote this scheme; empty when nobody can tell."""
    import difflib  # noqa: PLC0415 - 3 ms, only for those who have mistyped something

    if what == "pool":
        return ""
    product, right = _PRODUCTS.get(name, ("", ""))
    if right not in names:
        product, right = "", next(iter(difflib.get_close_matches(name, names, 1)), "")
    return f" Write {right}://...{f' for {product}' if product else ''}." if right else ""


def extensions(group: str) -> dict[str, Callable[[], Any]]:
    """What installed packages offer in a group of entry points.

    Args:
        group: for instance ``celery.commands``.

    Returns:
        Name -> what imports it.
    """
    from importlib.metadata import entry_points  # noqa: PLC0415 - as in `_offered`

    return {entry.name: entry.load for entry in entry_points(group=group)}


def _family(name: str) -> str:
    """The schemes that this one belongs to: "db+" for "db+sqlite"; without a "+" itself."""
    first, plus, _ = name.partition("+")
    return first + plus


def _offers_another_role(name: str) -> bool:
    """Whether the technology is here, as a store of another kind: its extra would not help."""
    from importlib.metadata import entry_points  # noqa: PLC0415 - as in `_offered`

    groups = ("umbel.brokers", "umbel.backends")
    return any(entry.name == name for group in groups for entry in entry_points(group=group))


def _declared() -> list[str]:
    """The extras that the installed release has."""
    from importlib.metadata import PackageNotFoundError, metadata  # noqa: PLC0415 - as in `_offered`

    try:
        return metadata("umbel").get_all("Provides-Extra") or []
    except PackageNotFoundError:  # run from a checkout that is not installed
        return []


def _missing(name: str, what: str, module: str | None) -> MissingExtra:
    because = f" (there is no module {module!r})" if module else ""
    extra = _EXTRAS.get(name)
    if extra not in _declared():
        return MissingExtra(f"The {what} {name!r} cannot be loaded{because}; install what its package asks for.")
    return MissingExtra(f'The {what} {name!r} needs a package{because}; type: pip install "umbel[{extra}]"')


def symbol(path: str) -> Any:
    """What a dotted path names.

    Args:
        path: "package.module:attribute.attribute", "package.module.attribute" or "package.module".

    Raises:
        ImproperlyConfigured: the module or the attribute does not exist, or the module raises while it is imported
            (that error is the cause, with its traceback).

    Example:
        >>> symbol("os.path:join") is os.path.join
        True
    """
    name, colon, attributes = path.partition(":")
    if colon:
        found: Any = _module(name)
        for attribute in filter(None, attributes.split(".")):
            if not hasattr(found, attribute):
                like = did_you_mean(attribute, vars(found)) if isinstance(found, ModuleType) else ""
                raise ImproperlyConfigured(f"{name!r} has no attribute {attributes!r}.{like}")
            found = getattr(found, attribute)
        return found
    if exists(path):
        return _module(path)
    parent, _, attribute = path.rpartition(".")
    if parent and exists(parent):
        module = _module(parent)
        if not hasattr(module, attribute):
            like = did_you_mean(attribute, vars(module))
            raise ImproperlyConfigured(f"{parent!r} has no module or attribute {attribute!r}.{like}")
        return getattr(module, attribute)
    return _module(path)


def instantiate(name: Any, *args: Any, **kwargs: Any) -> Any:
    """Call what a dotted path names; what is no text is called as it is.

    Example:
        >>> instantiate("fractions:Fraction", 1, 2)
        Fraction(1, 2)
    """
    return (symbol(name) if isinstance(name, str) else name)(*args, **kwargs)


def symbol_by_name(
    name: Any, aliases: Mapping[str, str] | None = None, imp: Callable[..., Any] | None = None,
    package: str | None = None, sep: str = ".", default: Any = None, **kwargs: Any,
) -> Any:  # fmt: skip
    """What a dotted path names, with kombu's arguments; what is no text stays as it is.

    Args:
        name: as `symbol` takes it, or one of the aliases.
        aliases: name -> path.
        package: what a path that begins with a dot is relative to.
        default: the answer in the place of an ImportError or AttributeError.
        imp, sep, kwargs: accepted.

    Raises:
        ImportError, AttributeError: nothing is called so.

    Example:
        >>> symbol_by_name("join", {"join": "os.path:join"}) is os.path.join
        True
    """
    if not isinstance(name, str):
        return name
    path = (aliases or {}).get(name) or name
    module, _, attribute = path.rpartition(":" if ":" in path else sep)
    try:
        found = importlib.import_module(module or attribute, package)
        return getattr(found, attribute) if module and attribute else found
    except (ImportError, AttributeError):
        if default is None:
            raise
        return default


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A question to the person who typed a word that nobody knows; "" when nothing known is like it.

    Example:
        >>> did_you_mean("wroker", ["worker", "call"])
        " Did you mean 'worker'?"
    """
    import difflib  # noqa: PLC0415 - only a mistake needs it, and everybody who imports umbel would pay for it

    like = difflib.get_close_matches(word, [name for name in known if not name.startswith("__")], n=1)
    return f" Did you mean {like[0]!r}?" if like else ""


def exists(name: str) -> bool:
    """Whether a module of that name can be found; imports the packages above it, not the module."""
    if name in sys.modules:
        return True
    parts = name.split(".")
    for end in range(1, len(parts)):
        if not exists(".".join(parts[:end])):
            return False
        parent = _module(".".join(parts[:end]))
        if not hasattr(parent, "__path__"):
            return False
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _module(name: str) -> ModuleType:
    if not re.fullmatch(r"\w+(\.\w+)*", name):
        raise ImproperlyConfigured(f"{name!r} is no module name; write package.module or package.module:attribute.")
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            here = did_you_mean(error.name, (path.stem for path in Path.cwd().glob("*.py")))
            raise ImproperlyConfigured(f"There is no module {error.name!r}{_hint(name)}.{here}") from None
        raise ImproperlyConfigured(f"Importing {name!r} failed: {error}.") from error
    except Exception as error:  # a user's module may raise anything while it is imported
        raise ImproperlyConfigured(f"Importing {name!r} failed: {type(error).__name__}: {error}") from error


def _hint(name: str) -> str:
    if name.endswith(".py"):
        return f"; write {name.removesuffix('.py')!r}, without .py"
    return f" (looked in {Path.cwd()} and the import path)"


def load_app(path: str) -> Any:
    """The application that ``-A`` names.

    Args:
        path: "module:attribute"; or "module": its ``app``, its ``celery``, or the first application in it; or a
            package: the same in it, then in its modules ``umbel`` and ``celery``.

    Returns:
        The `Umbel` object.

    Raises:
        ImproperlyConfigured: see `symbol`; or there is no application, or it is one of another library.
    """
    if path.endswith(".py") or "/" in path:
        name = path.removeprefix("./").removesuffix(".py").replace("/", ".")
        raise ImproperlyConfigured(f"{path!r} is a file; name its module: -A {name}")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    found = symbol(path)
    app = _search(found) if isinstance(found, ModuleType) else found
    if _is_app(app):
        return app
    if app is None:
        raise ImproperlyConfigured(
            f"{path!r} has no application; name it: -A {path}:attribute (an attribute called app is found by itself)."
        )
    if _made_by(app, "celery"):
        raise ImproperlyConfigured(
            f"{path!r} is an application of Celery: write from umbel import Umbel as Celery,"
            " or start it with umbel --as-celery"
        )
    raise ImproperlyConfigured(f"{path!r} is no application but an object of type {type(app).__name__!r}.")


def _search(module: ModuleType) -> Any:
    """The application in a module or package, what looks like one of another library, or None."""
    names = vars(module)
    candidates = [names.get("app"), names.get("celery"), *names.values()]
    for candidate in candidates:
        if _is_app(candidate):
            return candidate
    for name in ("umbel", "celery"):
        full = f"{module.__name__}.{name}"
        if hasattr(module, "__path__") and exists(full):
            found = _search(_module(full))
            if found is not None:
                return found
    return next((candidate for candidate in candidates if _made_by(candidate, "celery")), None)


def _is_app(value: Any) -> bool:
    # By name, because the class lives above this module.
    return any(base.__name__ == "Umbel" and base.__module__.split(".")[0] == "umbel" for base in type(value).__mro__)


def _made_by(value: Any, package: str) -> bool:
    return any(
        base.__name__ == "Celery" and base.__module__.partition(".")[0] == package for base in type(value).__mro__
    )


def default_store_url(app_name: str, module_file: str | None) -> str:
    """URL of the SQLite file of an app that names no broker: one for each app name and directory.

    Args:
        app_name: name of the app.
        module_file: ``__file__`` of the module that defines it; None (a prompt, ``python -c``) means the current
            directory.

    Example:
        >>> os.environ["UMBEL_STATE_DIR"] = "/tmp/state"
        >>> default_store_url("hello", "/srv/shop/hello.py")
        'sqlite:////tmp/state/hello-e7c7ea0b.db'
    """
    import hashlib  # noqa: PLC0415 - takes 5 ms to load OpenSSL, which `umbel health` has not

    directory = Path(module_file).resolve().parent if module_file else Path.cwd().resolve()
    digest = hashlib.sha256(os.fsencode(directory)).hexdigest()[:8]
    name = re.sub(r"[^\w.-]+", "_", app_name).strip("._")[:80] or "app"
    return f"sqlite:///{quote(str(state_dir() / f'{name}-{digest}.db'))}"
