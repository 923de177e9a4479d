"""The lock file has everything that the tree and its examples ask for, in a version that they accept."""

from __future__ import annotations

import re

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.scripts import load

PIN = re.compile(r"^([\w.-]+)==([^\s;\\]+)", re.MULTILINE)


def stale(wanted, lock):
    """Requirements that a lock file does not meet."""
    pins = {canonicalize_name(name): version for name, version in PIN.findall(lock)}
    asked = [Requirement(line) for line in wanted]
    return [str(one) for one in asked if not one.specifier.contains(pins.get(canonicalize_name(one.name), "0"))]


def test_the_lock_file_is_up_to_date():
    module = load("lock")
    assert stale(module.wanted(), module.LOCK.read_text(encoding="utf-8")) == [], "run `make lock`"


def test_what_is_missing_or_too_old_is_found():
    lock = "a==1.5 \\\n    --hash=sha256:0\nB_c==2.0 ; python_version < '3.12'\n"
    assert stale(["a>=1", "b-c>=2"], lock) == []
    assert stale(["a>=2", "b-c>=2", "new>=1"], lock) == ["a>=2", "new>=1"]
