"""GET /registry/…: Confluent's Schema Registry, as far as it reads."""

import json
from contextlib import suppress
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from readapi.registry import LONGEST_QUESTION, TYPE
from schemas.registry import NotASchema, Registry, normal
from tests.schemas.serving import registry_alone

LOCKED = Registry.load()
FIRST = {"type": "record", "name": "Noted", "namespace": "n", "fields": []}
TEXT: dict[str, Any] = {"name": "text", "type": "string", "default": ""}
SECOND = FIRST | {"fields": [TEXT]}
OTHER = {"type": "record", "name": "Other", "namespace": "n", "fields": []}
SAID_ANEW = """{
  "name": "n.Noted", "type": "record",
  "fields": [{"default": "", "name": "text", "type": {"type": "string"}}]
}"""


@pytest.fixture(scope="module")
def web() -> FlaskClient:
    """Two versions of n.Noted (1 and 3), one of n.Other (2)."""
    schemas = Registry((), {}).with_([FIRST, OTHER]).with_([SECOND])
    return registry_alone(schemas).test_client()


def fault(answer: TestResponse) -> tuple[int, int]:
    body = answer.get_json()
    assert body.keys() == {"error_code", "message"}
    assert answer.mimetype == TYPE
    return answer.status_code, body["error_code"]


def ask(web: FlaskClient, text: object, query: str = "") -> TestResponse:
    return web.post(f"/registry/subjects/n.Noted{query}", json={"schema": text}, content_type=TYPE)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("", {}),
        ("schemas/types", ["AVRO"]),
        ("schemas/ids/3/subjects", ["n.Noted"]),
        ("schemas/ids/3/versions", [{"subject": "n.Noted", "version": 2}]),
        ("schemas/ids/3/schema", SECOND),
        ("subjects", ["n.Noted", "n.Other"]),
        ("subjects?subjectPrefix=n.O", ["n.Other"]),
        ("subjects?subjectPrefix=:*:", ["n.Noted", "n.Other"]),
        ("subjects/n.Noted/versions/1/schema", FIRST),
        ("subjects/n.Noted/versions/latest/schema", SECOND),
        ("subjects/n.Noted/versions", [1, 2]),
        ("subjects/n.Other/versions", [1]),
        ("config", {"compatibilityLevel": "FULL_TRANSITIVE"}),
        ("config/n.Noted", {"compatibilityLevel": "FULL_TRANSITIVE"}),
        ("config/n.Noted?defaultToGlobal=true", {"compatibilityLevel": "FULL_TRANSITIVE"}),
        ("mode", {"mode": "READONLY"}),
        ("mode/n.Noted", {"mode": "READONLY"}),
    ],
)
def test_n18_it_answers_as_confluents_does(web: FlaskClient, path: str, body: object) -> None:
    answer = web.get(f"/registry/{path}")
    assert (answer.status_code, answer.mimetype, answer.get_json()) == (200, TYPE, body)


@pytest.mark.parametrize("query", ["", "?subject=gatehouse.events.v1-value&fetchMaxId=false"])
def test_n18_a_schema_is_had_by_the_id_in_the_frame(web: FlaskClient, query: str) -> None:
    answer = web.get(f"/registry/schemas/ids/3{query}").get_json()
    assert answer.keys() == {"schema"}
    assert json.loads(answer["schema"]) == SECOND


@pytest.mark.parametrize(
    ("version", "id", "number", "schema"),
    [("1", 1, 1, FIRST), ("2", 3, 2, SECOND), ("latest", 3, 2, SECOND), ("-1", 3, 2, SECOND)],
)
def test_a_version_is_had_by_its_number(
    web: FlaskClient, version: str, id: int, number: int, schema: object
) -> None:
    said = web.get(f"/registry/subjects/n.Noted/versions/{version}").get_json()
    assert json.loads(said.pop("schema")) == schema
    assert said == {"subject": "n.Noted", "version": number, "id": id}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("schemas/ids/4", (404, 40403)),
        ("schemas/ids/4/schema", (404, 40403)),
        ("schemas/ids/4/subjects", (404, 40403)),
        ("schemas/ids/4/versions", (404, 40403)),
        ("subjects/n.Nobody/versions", (404, 40401)),
        ("subjects/n.Nobody/versions/1", (404, 40401)),
        ("config/n.Nobody", (404, 40401)),
        ("subjects/n.Noted/versions/3", (404, 40402)),
        ("subjects/n.Noted/versions/3/schema", (404, 40402)),
        ("subjects/n.Noted/versions/0", (422, 42202)),
        ("subjects/n.Noted/versions/first", (422, 42202)),
        ("subjects/n.Noted/versions/" + "9" * 5000, (422, 42202)),
        ("subjects/n.Noted/versions/²", (422, 42202)),
        ("contexts", (404, 40400)),
    ],
)
def test_what_is_not_there_has_confluents_number(
    web: FlaskClient, path: str, expected: tuple[int, int]
) -> None:
    assert fault(web.get(f"/registry/{path}")) == expected


@pytest.mark.parametrize("query", ["", "?normalize=true"])
@pytest.mark.parametrize("text", [json.dumps(SECOND), SAID_ANEW])
def test_a_schema_is_found_however_it_is_spelled(web: FlaskClient, text: str, query: str) -> None:
    said = ask(web, text, query).get_json()
    assert (said["subject"], said["version"], said["id"]) == ("n.Noted", 2, 3)


@pytest.mark.parametrize(
    "other",
    [
        FIRST | {"fields": [TEXT | {"default": "x"}]},
        FIRST | {"fields": [TEXT | {"type": "bytes"}]},
        FIRST | {"namespace": "m", "fields": [TEXT]},
        OTHER,
    ],
)
def test_a_schema_that_says_something_else_is_not_found(web: FlaskClient, other: object) -> None:
    assert fault(ask(web, json.dumps(other))) == (404, 40403)


@pytest.mark.parametrize("text", ["", "{", "{}", "3", '{"type": "nope"}', 3, None, "[" * 50_000])
def test_what_is_no_schema_is_said_to_be_none(web: FlaskClient, text: object) -> None:
    assert fault(ask(web, text)) == (422, 42201)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.just("record"),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["type", "name", "fields", "items", "symbols", "default", "size"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=8,
    )
)
def test_no_question_is_an_accident(schema: object) -> None:
    with suppress(NotASchema):
        normal(json.dumps(schema))


def test_a_body_that_is_no_question_is_refused_and_so_is_an_endless_one(web: FlaskClient) -> None:
    for body in (b"", b"[]", b"\xff", b'{"schema": "%s"}' % (b" " * LONGEST_QUESTION)):
        answer = web.post("/registry/subjects/n.Noted", data=body, content_type=TYPE)
        assert fault(answer) == (422, 42201)
    assert fault(web.post("/registry/subjects/n.Nobody", json={"schema": "3"})) == (404, 40401)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "subjects/n.Noted/versions"),
        ("POST", "compatibility/subjects/n.Noted/versions/latest"),
        ("DELETE", "subjects/n.Noted"),
        ("DELETE", "subjects/n.Noted/versions/1"),
        ("PUT", "config"),
        ("PUT", "config/n.Noted"),
        ("DELETE", "config/n.Noted"),
        ("PUT", "mode"),
    ],
)
def test_nothing_can_be_written(web: FlaskClient, method: str, path: str) -> None:
    answer = web.open(f"/registry/{path}", method=method, json={"schema": json.dumps(FIRST)})
    assert fault(answer) == (422, 42205)


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        ("application/json", "application/json"),
        ("application/vnd.schemaregistry+json", "application/vnd.schemaregistry+json"),
        ("application/vnd.schemaregistry.v1+json, application/json;q=0.5", TYPE),
        ("*/*", TYPE),
        ("text/html", TYPE),
    ],
)
def test_it_answers_in_the_type_that_was_asked_for(
    web: FlaskClient, wanted: str, given: str
) -> None:
    assert web.get("/registry/subjects", headers={"Accept": wanted}).mimetype == given


def test_the_house_serves_what_the_lock_file_says() -> None:
    app: Flask = registry_alone()
    for entry in LOCKED.entries:
        said = app.test_client().get(f"/registry/schemas/ids/{entry.id}").get_json()
        assert json.loads(said["schema"]) == LOCKED.schemas[entry.id]
