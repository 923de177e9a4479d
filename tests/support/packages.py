"""The environment in which packages that were written for Celery meet umbel: an interpreter that has no Celery at all.

It is made once a machine, from tests/packages/requirements.lock, into a folder that is named by that file's hash, and
takes umbel from this clone. Where the packages cannot be fetched its tests are a visible skip; with
UMBEL_REQUIRE_SERVICES=1, as in CI, a failure.
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
import shutil
import subprocess
import sys
import venv
from importlib.metadata import distribution
from pathlib import Path

import pytest

from .servers import required

TOP = Path(__file__).resolve().parents[2]
LOCK = TOP / "tests" / "packages" / "requirements.lock"
FOLDER = TOP / ".make"


@functools.cache
def python() -> Path:
    """Its interpreter; made when it is not there yet, by one of the processes that ask."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    name = f"packages-{version}-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]}"
    home = FOLDER / name
    FOLDER.mkdir(exist_ok=True)
    with (FOLDER / "packages.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "complete").exists():
            for old in FOLDER.glob(f"packages-{version}-*"):
                shutil.rmtree(old)
            _make(home)
            (home / "complete").touch()
        _lend_umbel(home / "lib" / f"python{version}" / "site-packages")
    return home / "bin" / "python"


def _make(home: Path) -> None:
    venv.create(home, symlinks=True)
    pip = [sys.executable, "-m", "pip", "--python", home / "bin" / "python", "--disable-pip-version-check"]
    install = ["install", "--quiet", "--no-input", "--retries", "1", "--require-hashes", "--no-deps", "-r", LOCK]
    done = subprocess.run([*pip, *install], capture_output=True, text=True, check=False)
    if done.returncode:
        sentence = f"the packages of {LOCK.relative_to(TOP)} cannot be installed: {done.stderr.strip()[-400:]}"
        if required() or "HASHES" in done.stderr:
            pytest.fail(sentence, pytrace=False)
        pytest.skip(sentence)


def _lend_umbel(packages: Path) -> None:
    """This clone's sources, and what its installation says about itself: the entry points of its stores and pools."""
    (packages / "umbel.pth").write_text(f"{TOP / 'src'}\n", encoding="utf-8")
    for old in packages.glob("umbel-*.dist-info"):
        old.unlink()
    installed = Path(str(distribution("umbel").locate_file("")))
    (found,) = installed.glob("umbel-*.dist-info")
    (packages / found.name).symlink_to(found)


if __name__ == "__main__":
    python()
