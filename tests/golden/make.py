"""Writes the golden bytes of every kind of fact: `python -m tests.golden.make`.

What is there stays: old bytes are to be read for ever. `--reset-unreleased` writes all anew.
"""

import json
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID

import click
import fastavro

from eventlog.codec import FRAME, RecordCodec, aad
from eventlog.sealing import NONCE, SubjectKey
from schemas.registry import Entry, Registry
from schemas.stream import stored
from tests.eventlog.arbitrary import example

HERE = Path(__file__).parent
PLACE = aad(UUID(int=1), UUID(int=2), 3, UUID(int=4))
KEY = SubjectKey(id=b"goldkey!", dek=bytes(range(32)))
LOCKED = Registry.load()
KINDS: dict[str, type[Any]] = stored()
CODEC = RecordCodec(KINDS, LOCKED, nonce=lambda: bytes(NONCE))


def file_of(entry: Entry) -> Path:
    return HERE / Path(entry.file).with_suffix(".json").name


def newest() -> list[Entry]:
    found = [LOCKED.newest(f"gatehouse.{name}") for name in KINDS]
    return [entry for entry in found if entry]


def encoded(entry: Entry) -> bytes:
    return CODEC.encode(example(KINDS[entry.subject.removeprefix("gatehouse.")]), KEY, PLACE)


def as_read(value: Any) -> Any:
    """What an Avro library made of the bytes, as JSON that any of them would give."""
    return json.loads(json.dumps(value, default=lambda v: v.hex() if type(v) is bytes else str(v)))


def by_fastavro(entry: Entry, body: bytes) -> Any:
    return as_read(
        fastavro.schemaless_reader(BytesIO(body[FRAME:]), LOCKED.schemas[entry.id], None)
    )


@click.command()
@click.option("--reset-unreleased", is_flag=True, help="Also where there are golden bytes already.")
def main(reset_unreleased: bool) -> None:
    if reset_unreleased:
        for stale in HERE.glob("*.json"):
            stale.unlink()
    for entry in newest():
        if not file_of(entry).exists():
            body = encoded(entry)
            said = {"bytes": body.hex(), "reads": by_fastavro(entry, body)}
            file_of(entry).write_text(json.dumps(said, indent=1) + "\n")


if __name__ == "__main__":
    main()
