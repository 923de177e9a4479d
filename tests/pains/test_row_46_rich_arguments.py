"""Row 46: models and other rich arguments travel as plain JSON, arrive typed, and are refused in the call when
wrong."""

from __future__ import annotations

import json
from typing import Any

CODE = """
    import dataclasses, datetime, enum, uuid
    from decimal import Decimal
    import msgspec, pydantic
    from pains import app

    class Colour(enum.Enum):
        RED = "red"

    class Point(msgspec.Struct):
        x: int

    @dataclasses.dataclass
    class Box:
        size: int

    class Person(pydantic.BaseModel):
        name: str

    @app.task
    def rich(
        people: list[Person], point: Point, box: Box | None, colour: Colour, when: datetime.datetime, key: uuid.UUID,
        price: Decimal,
    ) -> list[str]:
        return [type(value).__name__ for value in (people[0], point, box, colour, when, key, price)]
"""

CALL = """
    import datetime, sys, uuid
    from decimal import Decimal
    from rich_tasks import *

    plain = (datetime.datetime(2026, 1, 1), uuid.uuid4(), Decimal("1.5"))
    arguments = ([Person(name="a")], Point(1), Box(2), Colour.RED, *plain)
    print(rich.delay(*arguments).get(timeout=20))
    print(rich.delay([{"name": "a"}], {"x": 1}, {"size": 2}, "red", *plain).get(timeout=20))
    try:
        rich.delay([{"nome": "a"}], *arguments[1:])
    except Exception as error:
        print("refused", type(error).__name__)
    rich.apply_async(arguments, countdown=3600)
"""


def test_models_arrive_typed_and_travel_as_plain_json(pains: Any, project: Any) -> None:
    project.write("rich_tasks.py", CODE)
    project.forked_worker("rich_tasks", "-l", "INFO", "-c", "1").until_output("ready.", timeout=20)
    told = project.client(CALL)
    names = "['Person', 'Point', 'Box', 'Colour', 'datetime', 'UUID', 'Decimal']"
    lines = told.stdout.splitlines()
    assert lines[:2] == [names, names], told
    assert lines[2].startswith("refused"), told
    (stored,) = pains.shelf().items("delayed")
    args = json.loads(stored.parcel.body)[0]
    assert args[:4] == [[{"name": "a"}], {"x": 1}, {"size": 2}, "red"]
