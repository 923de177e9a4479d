"""The demo's web site: the documentation server of the standard library, which every machine with Python has.

It makes a page by importing the module, so modules whose import does something are forbidden by robots rules, and it
runs without site-packages, without a display, in an empty folder. It answers one request after the other, so pages
that cost seconds, and a hundred pages of codecs that are all alike, are left out as well: the rest is more than 400
pages and takes 12 s of one core, which leaves room for a slow machine.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Final, Self

START_WITHIN: Final = 20.0  # seconds

# Keyword pages have names such as "+=" that no two programs quote alike; the index of topics leads to the same texts.
ROBOTS: Final = """\
User-agent: *
Disallow: /antigravity
Disallow: /this.
Disallow: /idlelib
Disallow: /turtle
Disallow: /tkinter
Disallow: /lib2to3
Disallow: /test
Disallow: /_test
Disallow: /*.test
Disallow: /*__main__
Disallow: /__hello__
Disallow: /__phello__
Disallow: /xx
Disallow: /_xx
Disallow: /keywords
Disallow: /search
Disallow: /get
Disallow: /email._header_value_parser
Disallow: /urllib.request
Disallow: /ctypes
Disallow: /encodings.*.html
"""
ERROR_TITLE: Final = r"^Pydoc: Error"


class SiteError(Exception):
    """The site did not come up; the text has what it said."""


class Pydoc:
    """`python -m pydoc` on a free port of this machine.

    Args:
        folder: an empty one, for its working directory and its log.
        python: the interpreter; the one below this virtual environment when None.

    Used as a context manager; `url` is known inside.
    """

    def __init__(self, folder: Path, python: str | None = None) -> None:
        self._folder = folder
        self._python = python or getattr(sys, "_base_executable", None) or sys.executable
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""

    def __enter__(self) -> Self:
        here = self._folder / "site"
        here.mkdir(parents=True)
        log = self._folder / "pydoc.log"
        with log.open("wb") as stream:
            # Standard input stays open: at its end the server ends, so it cannot outlive this process either.
            self._process = subprocess.Popen(
                [self._python, "-I", "-S", "-B", "-u", "-W", "ignore", "-m", "pydoc", "-n", "127.0.0.1", "-p", "0"],
                stdin=subprocess.PIPE,
                stdout=stream,
                stderr=subprocess.STDOUT,
                cwd=here,
                env={"PATH": os.environ.get("PATH", ""), "HOME": str(here), "LANG": "C.UTF-8"},
                start_new_session=True,
            )
        try:
            self.url = self._wait_for_url(log)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self._stop()

    def _wait_for_url(self, log: Path) -> str:
        assert self._process is not None
        deadline = time.monotonic() + START_WITHIN
        while time.monotonic() < deadline and self._process.poll() is None:
            found = re.search(r"ready at (http://\S+)", log.read_text("utf-8", "replace"))
            if found:
                return found[1]
            time.sleep(0.02)
        said = log.read_text("utf-8", "replace").strip()[-500:]
        raise SiteError(f"The documentation server of {self._python} did not start: {said or 'it said nothing'}")

    def _stop(self) -> None:
        if self._process is None:
            return
        self._process.kill()  # it holds nothing that wants a farewell
        self._process.wait()
        assert self._process.stdin is not None
        self._process.stdin.close()
