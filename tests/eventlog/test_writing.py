"""fastavro is the oracle: it reads every fact, and would have written the same bytes."""

import struct
from io import BytesIO
from typing import Any, Literal

import fastavro
import pytest
from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st

from domain.record import frozen
from eventlog.codec import without_logic
from eventlog.shapes import shape_of
from eventlog.writing import writer
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
    write, made = writer(schema, kind, list(hints(kind))), shape_of(kind).there

    @settings(max_examples=15, deadline=None)
    @forall(records(kind))
    def the_same(fact: Any) -> None:
        assert write(fact) == fastavro_bytes(schema, made(fact))

    the_same()


@frozen
class Values:
    """One of each that a field may hold."""

    number: int = 0
    text: str = ""
    raw: bytes
    share: float = 0.0
    many: tuple[int, ...] = ()
    maybe: str | None = None
    perhaps: str | None = "x"  # its union begins with the string
    choice: Literal["a", "b"] = "a"


SCHEMA, WRITE = whole(Values), writer(whole(Values), Values, list(hints(Values)))


def some(**given: Any) -> Values:
    return Values(**{"raw": b""} | given)


def agree(**given: Any) -> None:
    value = some(**given)
    assert WRITE(value) == fastavro_bytes(SCHEMA, shape_of(Values).there(value))


@forall(st.integers(-(2**63), 2**63 - 1))
def test_a_long_is_as_long_as_it_must_be(number: int) -> None:
    agree(number=number)


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1])
def test_what_is_longer_is_refused(number: int) -> None:
    with pytest.raises(OverflowError):
        WRITE(some(number=number))


@pytest.mark.parametrize("size", [0, 63, 64, 511, 512, 8191, 8192, 100_000])
def test_sizes_of_texts_bytes_and_arrays(size: int) -> None:
    agree(text="ä" * size, raw=b"x" * size, many=(size,) * size)


@pytest.mark.parametrize("value", [None, "", "null"])
def test_either_branch_of_a_union_in_either_order(value: str | None) -> None:
    agree(maybe=value, perhaps=value)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("text", 7), ("raw", "7"), ("number", "7"), ("number", 7.5), ("share", ""), ("choice", "c")],
)
def test_a_value_of_another_type_is_refused(name: str, wrong: Any) -> None:
    with pytest.raises((AttributeError, KeyError, TypeError, struct.error)):
        WRITE(some(**{name: wrong}))
