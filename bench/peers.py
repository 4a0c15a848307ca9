"""What ours is measured against, served on the very same settings (`bench.running.peer`)."""

import json
import os
from collections.abc import Iterator
from threading import local
from typing import Any

import psycopg
from flask import Flask, Response, request

CONNINFO = "BENCH_CONNINFO"
HERE = local()

TABLE = """
    create table if not exists bench_raw (
        position bigint generated always as identity primary key, body bytea not null
    )"""
# Whom a usual application would join, 50 a page by key.
PAGE = """
    select r.resident, r.role, r.contact, r.building, b.name as building_name, r.apartment,
        a.number as apartment_number, a.name as apartment_name, r.has_pin, r.cards,
        (select coalesce(json_agg(json_build_object(
                'group', g.group_id, 'number', g.number, 'name', g.name) order by g.number), '[]')
            from read.residents_groups g
            where g.community = r.community and g.group_id = any(r.groups)) as groups
    from read.residents r
    join read.residents_buildings b using (community, building)
    join read.residents_apartments a using (community, apartment)
    where r.community = %s and (r.name, r.resident) > (%s, %s)
    order by r.name, r.resident limit 50"""


def db() -> psycopg.Connection[Any]:
    """A connection a thread, everything prepared."""
    if not hasattr(HERE, "db"):
        HERE.db = psycopg.connect(os.environ[CONNINFO], autocommit=True, prepare_threshold=0)
    found: psycopg.Connection[Any] = HERE.db
    return found


def raw_insert() -> Flask:
    """The least that a durable command can cost on this stack: one row, its own commit."""
    app = Flask("raw_insert")

    @app.post("/")
    def insert() -> Response:
        db().execute("insert into bench_raw (body) values (%s)", [request.get_data()])
        return Response("{}", 202, mimetype="application/json")

    return app


def marshmallow() -> Flask:
    """Rows to dicts to marshmallow to JSON: how lists are usually made, and were here once."""
    from projections.residents.documents import ResidentDoc
    from schemas.of import schema_of

    app, schema = Flask("marshmallow"), schema_of(ResidentDoc)()

    @app.get("/")
    def page() -> Response:
        asked = request.args
        rows = dicts(asked.get("community"), asked.get("name"), asked.get("resident"))
        items = schema.dump(list(rows), many=True)
        return Response(json.dumps({"items": items}), mimetype="application/json")

    return app


def dicts(*key: str | None) -> Iterator[dict[str, Any]]:
    if None in key:
        return
    with db().cursor() as cursor:
        cursor.execute(PAGE, key)
        names = [column.name for column in cursor.description or ()]
        for row in cursor:
            found = dict(zip(names, row, strict=True))
            contact = json.loads(found["contact"])
            yield found | {
                "contact": contact,
                "name": f"{contact['first_name']} {contact['last_name']}",
            }
