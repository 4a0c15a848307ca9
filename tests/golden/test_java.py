"""What Confluent's Java deserializer once read (java/README.md) is what we read."""

import json
from io import BytesIO
from typing import Any

import fastavro
import pytest

from eventlog.codec import FRAME, without_logic
from tests.golden.java.make import READS
from tests.golden.make import LOCKED

READ_BY_JAVA: list[Any] = json.loads(READS.read_text())


def as_java_prints(value: Any) -> Any:
    match value:
        case bytes():
            return value.decode("latin-1")
        case dict():
            return {name: as_java_prints(inner) for name, inner in value.items()}
        case list():
            return [as_java_prints(each) for each in value]
    return value


@pytest.mark.parametrize("row", READ_BY_JAVA, ids=lambda row: str(row["name"]))
def test_n18_java_read_what_we_read_and_found_the_schema_again(row: Any) -> None:
    """If schemas changed before a release: `python -m tests.golden.java.make`."""
    body = bytes.fromhex(row["bytes"])
    id = int.from_bytes(body[1:FRAME])
    plain = without_logic(LOCKED.schemas[id])
    ours = fastavro.schemaless_reader(BytesIO(body[FRAME:]), plain, None)
    assert as_java_prints(ours) == row["reads"]
    assert row["found"] == id


def test_java_read_every_kind_that_there_was() -> None:
    names = {row["name"].partition(".")[0] for row in READ_BY_JAVA}
    assert {"PinIssued", "DoorLogEntry", "DeviceSynced", "AccessGroupCreated"} < names
    assert any("sealed" in row["reads"] for row in READ_BY_JAVA)
