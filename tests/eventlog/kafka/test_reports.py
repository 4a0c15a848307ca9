"""What doors report goes the same way as events, into a topic of its own."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from domain.ids import CommunityId, DeviceId
from eventlog.bus import partition_of
from eventlog.kafka import client
from eventlog.postgres.reports import PostgresReportLog
from eventlog.reports import ReportCodec
from tests.builders import GATE, GYM
from tests.commands.reactions.following import reported
from tests.eventlog.bus_contract import COMMUNITIES
from tests.eventlog.kafka.relaying import Relaying, a_report_log


@pytest.fixture
def reports(relaying_reports: Relaying) -> Iterator[PostgresReportLog]:
    with a_report_log(relaying_reports.database) as found:
        yield found


def happen(reports: PostgresReportLog, many: int, device: DeviceId = GATE) -> None:
    """In 30 communities in turn."""
    for n in range(many):
        reports.note(CommunityId(COMMUNITIES[n % 30]), reported(device))


def forgotten(reports: PostgresReportLog) -> int:
    """All that the log has, as if 30 days had passed."""
    return reports.drop_before((datetime.now(UTC) + timedelta(days=9)).date())


def test_a_report_comes_untouched_under_its_key_with_its_headers(
    relaying_reports: Relaying, reports: PostgresReportLog
) -> None:
    happen(reports, 40)
    happen(reports, 20, GYM)
    with relaying_reports.runs():
        relaying_reports.wait_for(60)
    stored = {r.position: r for r in reports.read(after=0)}
    records = relaying_reports.records()
    assert len(records) == 60
    for record in records:
        said = {name: value.decode() for name, value in record.headers}
        report = stored[int(said["gh-position"])]
        assert ReportCodec().decode(record.value, None, b"") == report.event
        assert record.key.decode() == said["gh-community"] == str(report.community)
        assert record.partition == partition_of(record.key)
        assert said["gh-stream"] == str(report.event.device)
        assert said["ce_type"] == "gatehouse.AlarmReported"
        assert (said["ce_source"], said["ce_id"]) == ("/gatehouse/reports", said["gh-position"])
        assert not {"ce_subject", "traceparent"} & said.keys()


def test_gh_seq_of_reports_has_no_gap_over_several_starts_and_the_audit_agrees(
    relaying_reports: Relaying, reports: PostgresReportLog
) -> None:
    for _ in range(3):
        happen(reports, 40)
        with relaying_reports.runs():
            relaying_reports.wait_for(reports.head())
    sequences = defaultdict[int, list[int]](list)
    for record in relaying_reports.records():
        sequences[record.partition].append(int(dict(record.headers)["gh-seq"]))
    assert all(found == list(range(1, len(found) + 1)) for found in sequences.values())
    differences, audit = relaying_reports.audited()
    assert (differences, audit.equal) == ([], 120)


def test_the_audit_of_reports_tells_what_is_missing_what_is_other_and_what_is_strange(
    relaying_reports: Relaying, reports: PostgresReportLog
) -> None:
    happen(reports, 30)
    relaying = relaying_reports
    with closing(client.producer(relaying.broker, acks="all")) as writer:
        for n, record in enumerate(relaying.log.raw(after=0)):
            m, position = relaying.outlet.message(record), record.position
            if position in (7, 40):
                continue
            value = b"another" if position == 9 else m.value
            seq = 1 + sum(
                other.position not in (7, 40)
                and partition_of(str(other.community).encode()) == m.partition
                for other in relaying.log.raw(after=0)[:n]
            )
            headers = [*m.headers.items(), ("gh-seq", b"%d" % seq)]
            writer.send(relaying.topic, value, m.key, headers, m.partition)
    with relaying.runs():  # it finds them there
        happen(reports, 1)
        relaying.wait_for(31)
    differences, audit = relaying.audited()
    told = [line.partition(": ")[2] for line in differences]
    assert told == ["position 7 is missing", "position 9 is not as the log has it"]
    assert audit.equal == 29


def test_m82_reports_that_the_log_let_go_are_no_difference_and_the_relay_goes_on(
    relaying_reports: Relaying, reports: PostgresReportLog
) -> None:
    """Positions go on where they were."""
    happen(reports, 20)
    with relaying_reports.runs():
        relaying_reports.wait_for(20)
        assert forgotten(reports)
        assert relaying_reports.audited()[0] == []
        happen(reports, 10)
        relaying_reports.wait_for(30)
    differences, audit = relaying_reports.audited()
    assert (differences, audit.equal) == ([], 10)
    assert len(relaying_reports.records()) == 30
