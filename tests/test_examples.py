"""What a stranger writes runs as it stands: a real Kafka, a real registry, nothing else of ours."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from domain.ids import CommunityId
from domain.reports import DoorLogEntry
from eventlog.bus import RawRecord, headers_of, message
from eventlog.kafka.broker import Broker
from eventlog.kafka.client import admin, producer
from eventlog.kafka.topics import REPORTS, apply, manifest
from eventlog.reports import NOBODY, ReportCodec
from tests.builders import ELSEWHERE, HARBOUR
from tests.eventlog.arbitrary import example
from tests.eventlog.bus_contract import a_record
from tests.running_broker import any_broker
from tests.schemas.serving import registry_alone, served

EXAMPLES = Path(__file__).parent.parent / "examples"
PAGE = EXAMPLES.parent / "docs" / "stream.md"
DAY = 86_400_000
SEVEN = datetime(2026, 3, 2, 7, 15, tzinfo=UTC)
OPENED: dict[str, Any] = {"kind": "door_release", "outcome": "success", "holder_kind": None}
AN_OPENING = replace(example(DoorLogEntry), **OPENED, door_name="Gate", happened_at=SEVEN)
LATER = replace(AN_OPENING, happened_at=SEVEN + timedelta(hours=2))
A_CALL = replace(AN_OPENING, kind="call", door_name="Pier")
REFUSED = replace(AN_OPENING, outcome="failed", door_name="Tower")
CODEC = ReportCodec()


@dataclass
class Stream:
    """A broker of these tests' own, for the topic has the name that it has in life."""

    broker: Broker
    registry: str
    position: int = 0

    def reported(
        self, *entries: DoorLogEntry, community: CommunityId = HARBOUR, again: int = 0
    ) -> None:
        self.position -= again
        with producer(self.broker) as writer:
            for entry in entries:
                self.position += 1
                told = message(self.raw(entry, community))
                headers = [*told.headers.items()]
                writer.send(REPORTS, told.value, told.key, headers, told.partition)
            writer.flush()

    def raw(self, entry: DoorLogEntry, community: CommunityId) -> RawRecord:
        return RawRecord(
            position=self.position,
            recorded_at=entry.happened_at,
            community=community,
            stream=entry.device,
            version=entry.id,
            type=type(entry).__name__,
            subject=None,
            actor="device",
            command_id=NOBODY,
            cause=None,
            body=CODEC.encode(entry, None, b""),
        )

    def command(self, name: str, *more: str) -> list[str]:
        return [sys.executable, str(EXAMPLES / name), self.broker.servers, self.registry, *more]


@pytest.fixture(scope="module")
def stream() -> Iterator[Stream]:
    with any_broker() as broker, served(registry_alone()) as url:
        with closing(admin(broker)) as client:
            assert [*apply(client, manifest())]
        yield Stream(broker, f"{url}/registry")


def test_n18_twenty_lines_follow_what_happens_at_the_doors(stream: Stream) -> None:
    stream.reported(AN_OPENING, A_CALL)
    command = stream.command("door_events.py")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as follower:  # noqa: S603
        assert follower.stdout
        said = list(islice(follower.stdout, 2))
        stream.reported(REFUSED, community=ELSEWHERE)
        said += list(islice(follower.stdout, 1))
        follower.terminate()
    assert said == [
        "2026-03-02 07:15:00 Gate: door_release by somebody with pin: success\n",
        "2026-03-02 07:15:00 Pier: call by somebody with pin: success\n",
        "2026-03-02 07:15:00 Tower: door_release by somebody with pin: failed\n",
    ]


def test_n18_an_analyst_counts_openings_once_however_often(stream: Stream, tmp_path: Path) -> None:
    def counted() -> list[list[str]]:
        command = stream.command("openings_by_hour.py", str(tmp_path / "doors.duckdb"))
        told = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
        return [line.split() for line in told.stdout.splitlines()]

    first = counted()
    stream.reported(LATER, LATER, A_CALL, REFUSED)
    stream.reported(LATER, again=1)
    assert counted() == [*first, ["2026-03-02", "09:00", "2"]]


def test_the_page_tells_of_every_topic_and_every_header() -> None:
    lines = PAGE.read_text().splitlines()
    for topic in manifest():
        [row] = [line for line in lines if line.startswith(f"| `{topic.name}` |")]
        assert f"{int(topic.settings['retention.ms']) // DAY} days" in row
        assert topic.partitions == 12
    tables = "".join(line for line in lines if line.startswith("|"))
    assert [name for name in headers_of(a_record(3)) if f"`{name}`" not in tables] == []
