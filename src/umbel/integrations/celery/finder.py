"""The finder that answers for Celery's names, and the modules that it makes.

    import celery.result            Finder.find_spec -> a Stand: a module without attributes of its own
    celery.result.AsyncResult       Stand.__getattr__ -> names.py -> umbel.result.AsyncResult, the same object
    from celery.beat import x       Finder.find_spec: ModuleNotFoundError, with a sentence that names celery.beat
    version("celery")               Finder.find_distributions -> Package

Every Stand is a package, though most hold no module: so Python asks the finder for a name that the module lacks, and
``from celery.result import x`` fails with the finder's sentence and not with "unknown location".
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.metadata import Distribution, DistributionFinder
from importlib.util import module_from_spec
from os import PathLike
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, Final

from ...loading import symbol
from .names import MODULES, REPLACED
from .release import VERSIONS

ROOTS: Final = frozenset(VERSIONS)
"""The top-level modules that umbel stands for."""

LEFT_ALONE: Final = frozenset({"amqp", "vine"})
"""Libraries below Celery's of which umbel has nothing: whoever has installed them gets them."""

_PROGRAM: Final = "celery.__main__"
_RUN: Final = "from umbel.cli import main\nif __name__ == '__main__':\n    main()\n"


def without(name: str) -> str:
    """The sentence about a name that umbel does not have."""
    return f"umbel stands for Celery here, and has no {name}; its page 'Coming from Celery' lists what it has."


class Stand(ModuleType):
    """A module whose names are aliases of umbel's, looked up when they are first asked for."""

    def __getattr__(self, name: str) -> Any:
        target = MODULES[self.__name__].get(name)
        inner = f"{self.__name__}.{name}"
        if target is not None:
            found = symbol(target)
        elif inner in MODULES:  # Celery's modules have imported each other, so nobody has to import these
            found = importlib.import_module(inner)
        else:
            raise AttributeError(without(inner), name=name, obj=self)
        self.__dict__[name] = found
        return found

    def __setattr__(self, name: str, value: Any) -> None:
        if (self.__name__, name) in REPLACED:
            module, _, attribute = MODULES[self.__name__][name].partition(":")
            setattr(symbol(module), attribute, value)
        super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*self.__dict__, *MODULES[self.__name__]})


class Finder(MetaPathFinder, Loader):
    """Stands in `sys.meta_path` before the finder of what is installed, and loads what it finds."""

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: object = None) -> ModuleSpec | None:
        """The module of that name.

        Raises:
            ModuleNotFoundError: it is one of Celery's that umbel does not stand for.
        """
        if name.partition(".")[0] not in ROOTS:
            return None
        if name == _PROGRAM:
            return ModuleSpec(name, self)
        if name in MODULES:
            return ModuleSpec(name, self, is_package=True)
        # Without the attribute `name`: Python would take the error for "no such module", and drop the sentence.
        raise ModuleNotFoundError(without(name))

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """An empty module; None for a usual one."""
        return None if spec.name == _PROGRAM else Stand(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Give it what ``from module import *`` asks for; all other names come when they are used."""
        name = module.__name__
        if name == _PROGRAM:
            exec(_RUN, module.__dict__)  # noqa: S102 - what stands there
        else:
            module.__dict__["__all__"] = [one for one in MODULES[name] if not one.startswith("_")]

    def get_code(self, name: str) -> CodeType | None:
        """What ``python -m`` runs."""
        if name != _PROGRAM:
            return None
        return compile(_RUN, f"<{name}>", "exec")

    def is_package(self, name: str) -> bool:
        """Whether modules may be below it; ``python -m`` asks."""
        return name != _PROGRAM

    def find_distributions(self, context: DistributionFinder.Context | None = None) -> Iterator[Distribution]:
        """What `importlib.metadata` says about the packages that umbel stands for."""
        wanted = getattr(context, "name", None)
        return (Package(name) for name in VERSIONS if wanted is None or wanted.lower() == name)

    def invalidate_caches(self) -> None:
        """There are none."""


class Absent(MetaPathFinder):
    """Stands at the end of `sys.meta_path`: says what is missing when nobody has installed it."""

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: object = None) -> None:
        """Refuse the libraries that umbel has nothing of."""
        if name in LEFT_ALONE:
            raise ModuleNotFoundError(without(name), name=name)


class Package(Distribution):
    """An installed package as `importlib.metadata` describes it: a name, a version, and no files.

    Args:
        package: its name.
    """

    def __init__(self, package: str) -> None:
        self._package = package

    def read_text(self, filename: str) -> str | None:
        """The one file that there is."""
        if filename != "METADATA":
            return None
        return f"Metadata-Version: 2.1\nName: {self._package}\nVersion: {VERSIONS[self._package]}\n"

    def locate_file(self, path: str | PathLike[str]) -> Path:
        """Where a file of it would be: beside umbel's."""
        return Path(__file__).parent / path


def found_by(finder: Finder, name: str) -> ModuleType:
    """The module of that name, made now and entered into `sys.modules`."""
    spec = finder.find_spec(name)
    assert spec is not None
    module = sys.modules[name] = module_from_spec(spec)
    finder.exec_module(module)
    return module
