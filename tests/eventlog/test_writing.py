"""fastavro is the oracle: it reads every fact, and would have written the same bytes."""

import struct
from io import BytesIO
from typing import Any

import fastavro
import pytest
from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st

from eventlog.codec import without_logic
from eventlog.shapes import shape_of
from eventlog.writing import Write, long, writer
from schemas.stream import Names, hints, stored
from tests.eventlog.arbitrary import records

KINDS = stored()


def fastavro_bytes(schema: Any, made: Any) -> bytes:
    out = BytesIO()
    fastavro.schemaless_writer(out, schema, made)
    return out.getvalue()


def whole(kind: type) -> Any:
    """What is open and what is sealed in one record."""
    said = Names(kind.__name__).fields(kind, kind.__name__, hints(kind))
    return parsed({"type": "record", "name": kind.__name__, "fields": said})


def parsed(schema: Any) -> Any:
    return fastavro.parse_schema(without_logic({"namespace": "gatehouse", **schema}))


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_fact_is_written_as_fastavro_would(kind: type) -> None:
    schema = whole(kind)
    write = writer(schema)

    @settings(max_examples=15, deadline=None)
    @forall(records(kind).map(shape_of(kind).there))
    def the_same(made: Any) -> None:
        assert write(made) == fastavro_bytes(schema, made)

    the_same()


def one_field(kind: Any) -> tuple[Any, Write]:
    schema = parsed({"type": "record", "name": "One", "fields": [{"name": "it", "type": kind}]})
    return schema, writer(schema)


@forall(st.integers(-(2**63), 2**63 - 1))
def test_a_long_is_as_long_as_it_must_be(number: int) -> None:
    schema, write = one_field("long")
    assert write({"it": number}) == fastavro_bytes(schema, {"it": number})


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1])
def test_what_is_longer_is_refused(number: int) -> None:
    with pytest.raises(OverflowError):
        long(number)


@pytest.mark.parametrize("size", [0, 63, 64, 511, 512, 8191, 8192, 100_000])
def test_sizes_of_texts_bytes_and_arrays(size: int) -> None:
    for kind, value in (
        ("string", "ä" * size),
        ("bytes", b"x" * size),
        ({"type": "array", "items": "long"}, [size] * size),
    ):
        schema, write = one_field(kind)
        assert write({"it": value}) == fastavro_bytes(schema, {"it": value})


def test_either_branch_of_a_union_in_either_order() -> None:
    for union in (["null", "string"], ["string", "null"]):
        schema, write = one_field(union)
        for value in (None, "", "null"):
            assert write({"it": value}) == fastavro_bytes(schema, {"it": value})


@pytest.mark.parametrize(
    ("kind", "wrong"), [("string", 7), ("bytes", "7"), ("long", "7"), ("long", 7.5), ("double", "")]
)
def test_a_value_of_another_type_is_refused(kind: str, wrong: Any) -> None:
    _, write = one_field(kind)
    with pytest.raises((AttributeError, TypeError, struct.error)):
        write({"it": wrong})


def test_a_symbol_that_is_none_is_refused() -> None:
    _, write = one_field({"type": "enum", "name": "gatehouse.E", "symbols": ["a", "b"]})
    with pytest.raises(KeyError):
        write({"it": "c"})
