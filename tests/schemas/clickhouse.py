"""ClickHouse in a process of its own: it reads files of framed messages by a schema registry."""

import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Any
from uuid import UUID

from schemas.atoms import micros_of_day

PROGRAM = """
import sys, chdb
registry, *files = sys.argv[1:]
for file in files:
    rows = chdb.query(
        f"select * from file('{file}', AvroConfluent) format JSONEachRow"
        f" settings format_avro_schema_registry_url = '{registry}', session_timezone = 'UTC'"
    )
    sys.stdout.buffer.write(rows.bytes())
"""


class Unread(Exception):
    """What ClickHouse had to say."""


def clickhouse_reads(registry: str, bodies: Sequence[bytes], folder: Path) -> list[Any]:
    """The one row of each message."""
    files = [folder / f"{number}.bin" for number in range(len(bodies))]
    for file, body in zip(files, bodies, strict=True):
        file.write_bytes(body)
    command = [sys.executable, "-c", PROGRAM, registry, *map(str, files)]
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603
    if done.returncode:
        raise Unread(done.stderr.decode())
    lines = done.stdout.splitlines()  # of bytes: sealed ones may be what ends a line of text
    return [json.loads(lossless(line)) for line in lines]


def lossless(raw: bytes) -> str:
    """It writes strings as the bytes they are."""
    return raw.decode("utf-8", "surrogateescape")


def as_clickhouse_says(value: Any) -> Any:
    match value:
        case bytes():
            return lossless(value)
        case datetime():
            return f"{value:%Y-%m-%d %H:%M:%S.%f}"
        case date() | UUID():
            return str(value)
        case time():
            return micros_of_day(value)
        case dict():
            return {name: as_clickhouse_says(inner) for name, inner in value.items()}
        case list():
            return [as_clickhouse_says(each) for each in value]
    return value
