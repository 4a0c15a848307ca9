"""What holds for every read model, whatever it shows."""

import json
from collections.abc import Sequence
from typing import Any

from hypothesis import HealthCheck, settings
from psycopg import sql

from config import Database
from domain.kernel import Event
from projections.projector import Projector
from schemas.of import schema_of
from tests.builders import ELSEWHERE
from tests.read_models import House

few = settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def cuts_alike(
    database: Database, kind: type[Projector], past: Sequence[Event], batch: int
) -> None:
    """In batches of any size, and built anew beside the live tables, the rows are the same."""
    house = House(database)
    house.forget(kind)
    for happened in past:
        house.happened(happened)
    house.happened(*past, community=ELSEWHERE)
    house.project(kind)
    at_once = house.rows(kind)
    house.forget(kind)
    house.project(kind, batch=batch)
    assert house.rows(kind) == at_once
    house.rebuild(kind)
    assert house.rows(kind) == at_once


def is_its_schemas(doc: str, record: type) -> None:
    """A projected document is what its schema would dump."""
    schema, said = schema_of(record)(), json.loads(doc)
    assert said == schema.dump(schema.load(said))


def docs(house: House, kind: type[Projector]) -> list[str]:
    with house.connect("read") as db:
        table = sql.Identifier(kind.name)
        found: list[Any] = db.execute(sql.SQL("select doc from {}").format(table)).fetchall()
    return [row[0] for row in found]
