"""Row 45: the parameters of a task are checked where it is called, and the type of its result where it is used."""

from __future__ import annotations

import re
from typing import Any

import pytest

SOURCE = """
    from umbel import Umbel

    app = Umbel("typed")

    @app.task
    def add(x: int, y: int = 0) -> int:
        return x + y

    add.delay(1, y=2)
    number: int = add.delay(1, 2).get()
    add.delay("one")  # wrong
    add.delay()  # wrong
    add.delay(1, z=2)  # wrong
    text: str = add.delay(1, 2).get()  # wrong
    add("one")  # wrong
"""


@pytest.mark.timeout(300)  # mypy reads all of umbel
@pytest.mark.long
def test_every_wrong_call_is_an_error_and_no_right_one_is(project: Any) -> None:
    path = project.write("typed.py", SOURCE)
    wrong = {number for number, line in enumerate(path.read_text().splitlines(), 1) if "# wrong" in line}
    told = project.processes.run("-m", "mypy", "--strict", "--cache-dir", "cache", "typed.py", timeout=240)
    found = {int(line) for line in re.findall(r"typed\.py:(\d+): error", told.stdout)}
    assert found == wrong, told.stdout
