"""The entries of an app as they are now: from the code, from a file, and as they were changed at run time.

code       `beat_schedule` and `add_periodic_task`
file       `beat_entries_file`; an entry of the same name stands in the place of the code's
override   in the store: keys that stand in the place of the entry's, a pause, or that it is not sent at all
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Literal, Protocol

import msgspec

from ..coordinator import Override, Overrides
from ..schedules import Entry, Pause, read_entries, read_file
from ..sender import Conf
from ..serialization.json_form import decode_json, encode_json

logger = logging.getLogger("umbel.beat")

Source = Literal["code", "file", "added", "edited", "paused", "removed"]
"""Where an entry is from; of one that was changed at run time, by what."""

_NOTHING: Final[tuple[int, ...]] = ()


class Configured(Protocol):
    """What a roster needs of an app."""

    @property
    def conf(self) -> Conf: ...

    def finalize(self) -> None:
        """Take in what receivers of its signals add."""
        ...


class Words(msgspec.Struct, frozen=True):
    """What an override says.

    Attributes:
        entry: keys that stand in the place of the entry's own; all of them, of one that was added.
        pause: see `Entry`.
        removed: the entry of the code or the file is not sent.
    """

    entry: dict[str, Any] = msgspec.field(default_factory=dict)
    pause: Pause | None = None
    removed: bool = False

    def text(self) -> str:
        """As the store keeps it."""
        pause = msgspec.to_builtins(self.pause)
        return encode_json({"entry": self.entry, "pause": pause, "removed": self.removed}).decode()

    @classmethod
    def read(cls, override: Override | None) -> Words:
        """What one says, nothing when there is none."""
        if override is None:
            return cls()
        said = decode_json(override.text)
        return cls(said["entry"], msgspec.convert(said["pause"], Pause | None), said["removed"])


class Listed(msgspec.Struct, frozen=True):
    """One entry, as it is now.

    Attributes:
        name: of the entry.
        source: where it is from.
        entry: None when it is not sent, because it was removed or cannot run.
        wrong: why it cannot run, "" when it can.
        override: what was changed at run time.
    """

    name: str
    source: Source
    entry: Entry | None
    wrong: str = ""
    override: Override | None = None


class Roster:
    """See above.

    Args:
        app: whose entries; it is finalized, so that receivers of its signals add theirs.
        overrides: of the store; None: only what code and file say, until `watch`.

    Attributes:
        wrong: why the file cannot be read, "" when it can, or there is none.
    """

    def __init__(self, app: Configured, overrides: Overrides | None = None) -> None:
        app.finalize()
        self._app = app
        self._code: Mapping[str, Any] = dict(app.conf.beat_schedule)
        path = app.conf.beat_entries_file
        self._path = Path(path) if path else None
        self._stamp = _NOTHING
        self._file: dict[str, Any] = {}
        self._overrides = overrides
        self._edition = -1
        self._changed: dict[str, Override] = {}
        self._pending: set[str] = set()
        self.wrong = ""
        self.refresh()

    def refresh(self) -> set[str]:
        """Look what has changed since it was asked last.

        Returns:
            names of entries that are not as they were, or are gone.

        Raises:
            OperationalError: the store does not answer.
        """
        self._pending |= self._reread_file()
        self._pending |= self._reread_overrides()
        pending, self._pending = self._pending, set()
        return pending

    def watch(self, overrides: Overrides) -> None:
        """Look at what is changed in a store from now on."""
        self._overrides = overrides

    def names(self) -> list[str]:
        """All of them, in the order of the code, the file, the alphabet."""
        return list(dict.fromkeys((*self._code, *self._file, *self._changed)))

    def find(self, name: str) -> Listed | None:
        """One entry, None when there is none of this name."""
        return next(iter(self.listed([name])), None)

    def listed(self, names: Iterable[str] | None = None) -> list[Listed]:
        """Entries as they are now, all unless some are named."""
        wanted = [name for name in (self.names() if names is None else names) if self._known(name)]
        words = {name: Words.read(self._changed.get(name)) for name in wanted}
        given = {name: self._merged(name, words[name]) for name in wanted if not words[name].removed}
        good, bad = read_entries(given, self._app)
        return [self._one(name, words[name], good.get(name), bad.get(name, "")) for name in wanted]

    def override(self, name: str) -> Override | None:
        """What was changed of an entry."""
        return self._changed.get(name)

    def base(self, name: str) -> Any:
        """What code or file say of an entry, None when they do not know it."""
        return self._file.get(name, self._code.get(name))

    def _known(self, name: str) -> bool:
        return name in self._code or name in self._file or name in self._changed

    def _merged(self, name: str, words: Words) -> Any:
        base = self.base(name)
        if not words.entry:
            return base
        return {**(base if isinstance(base, Mapping) else {}), **words.entry}

    def _one(self, name: str, words: Words, entry: Entry | None, wrong: str) -> Listed:
        base, override = self.base(name), self._changed.get(name)
        source: Source = "file" if name in self._file else "code" if name in self._code else "added"
        if entry is not None and words.pause is not None:
            entry = msgspec.structs.replace(entry, pause=words.pause)
        if words.removed:
            source = "removed"
        elif words.pause is not None:
            source = "paused"
        elif words.entry and base is not None:
            source = "edited"
        return Listed(name, source, entry, wrong, override)

    def _reread_file(self) -> set[str]:
        if self._path is None or (stamp := _stamp(self._path)) == self._stamp:
            return set()
        self._stamp = stamp
        try:
            found = read_file(self._path)
        except ValueError as error:
            self.wrong = str(error)
            logger.error("%s The entries that were read before stay.", error)
            return set()
        before, self._file, self.wrong = self._file, found, ""
        return {name for name in before.keys() | found.keys() if before.get(name) != found.get(name)}

    def _reread_overrides(self) -> set[str]:
        if self._overrides is None or (edition := self._overrides.edition()) == self._edition:
            return set()
        found = {one.name: one for one in self._overrides.read()}
        before, self._changed, self._edition = self._changed, found, edition
        return {name for name in before.keys() | found.keys() if before.get(name) != found.get(name)}


def _stamp(path: Path) -> tuple[int, ...]:
    """What changes with a file, also when another one takes its place."""
    try:
        found = path.stat()
    except OSError:
        return (0,)
    return (found.st_ino, found.st_size, found.st_mtime_ns)
