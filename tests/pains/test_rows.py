"""The page of rows says the truth: what it names exists, runs on that broker, and names its row."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PAGE = re.findall(r"^\| (\d+) \| .+? \| (.+?) \| (.+?) \|$", (HERE / "README.md").read_text("utf-8"), re.MULTILINE)
PLACES = [
    (int(row), broker, place)
    for row, *cells in PAGE
    for broker, cell in zip(("redis", "rabbitmq"), cells, strict=True)
    for place in re.findall(r"`([^`]+)`", cell)
]
RABBITS = ('"rabbitmq"', '"quorum"', "rabbitmq: RabbitMQ")


def test_every_file_of_a_row_on_a_broker_is_on_the_page() -> None:
    on_brokers = {
        path.name for path in HERE.glob("test_row_*.py") if re.search(r'"redis"|"rabbitmq"|on_redis', path.read_text())
    }
    assert on_brokers <= {place.removeprefix("pains/") for _, _, place in PLACES}
    assert len({row for row, *_ in PLACES}) == len(PAGE) > 20


@pytest.mark.parametrize(("row", "broker", "place"), PLACES)
def test_a_place_is_there_and_names_its_row(row: int, broker: str, place: str) -> None:
    file, _, name = place.partition("::")
    text = (HERE.parent / file).read_text("utf-8")
    if name:
        (test,) = [node for node in ast.parse(text).body if getattr(node, "name", "") == name]
        assert isinstance(test, ast.FunctionDef | ast.AsyncFunctionDef)
        named = ast.get_docstring(test) or ""
    else:
        assert f"row_{row:02}_" in file
        named = ast.get_docstring(ast.parse(text)) or ""
        wanted = RABBITS if broker == "rabbitmq" else ('"redis"', "redis_server(")
        assert any(word in text for word in wanted), f"it does not run on {broker}"
    assert re.search(rf"\b[Rr]ows?\b[\d, and]*\b{row}\b", named), f"it does not name row {row}"
