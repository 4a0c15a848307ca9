"""The short profile of `make chaos`: every part that needs no processes of its own, in seconds.

K1 and K3 are in tests/running, K2 in test_leases, too; test_history has K0's bad histories.
"""

import socket
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest
import structlog
from click.testing import CliRunner
from rich.console import Console

from device_adapters.simulator import weather
from tests.chaos import __main__ as chaos
from tests.chaos import disk, model
from tests.chaos.checker import bad_histories
from tests.chaos.fleet import RHYTHM, fleet_heals
from tests.chaos.model import BUGS, SIX, is_found, lived
from tests.chaos.proxy import Line
from tests.chaos.redelivery import Delivered
from tests.chaos.result import Result, tell
from tests.running.test_history import BAD

SEED = 3  # of a run that finds it soon
CALM = Result(kills=3, commands=40, heals=[0.5, 2.0], note="calm")


@pytest.fixture(autouse=True)
def _heard() -> Iterator[None]:
    """The command silences all logs, for its table is to be read; other tests listen to them."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


def test_k0_every_bad_history_is_found() -> None:
    found = bad_histories(0, 1)
    assert found.passed
    assert found.note == f"{len(BAD)} of {len(BAD)} bad histories found"


def test_d1_k8_a_bus_that_repeats_loses_and_comes_late_changes_nothing() -> None:
    assert lived(Delivered, 100, 1) == ""


def test_d1_control_the_missing_version_check_is_found() -> None:
    """The others of the six are planted in tests/device_adapters/test_convergence.py."""
    assert set(SIX) <= BUGS.keys()
    assert is_found("no version check", SEED)


def test_d1_control_a_bug_that_is_not_found_fails_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "BUGS", {"trusts the ack": {}, "stuck": BUGS["stuck"]})
    monkeypatch.setattr(model, "LONGEST", 20)
    assert model.converges(0, 1).wrong == ["planted bug not found: trusts the ack"]


def test_d12_a_fleet_heals_after_mixed_faults() -> None:
    result = fleet_heals(2, 1, phones=12, struck=3)
    assert result.wrong == []
    assert len(result.heals) == 12
    assert result.kills > 3


def test_d12_control_who_never_looks_does_not_heal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Phones are changed by hand, and compared only once in months."""
    monkeypatch.setattr(weather, "MIXED", [(1, "local_edit", {"op": "del"})])
    never = replace(RHYTHM, scan=1e7)
    found = fleet_heals(1, 1, phones=10, rhythm=never, struck=1, within=1)
    assert [line for line in found.wrong if "did not heal" in line]


@pytest.fixture
def echo() -> Iterator[tuple[str, int]]:
    with socket.create_server(("127.0.0.1", 0)) as door:
        Thread(target=answer, args=(door,), daemon=True).start()
        yield door.getsockname()[:2]


def answer(door: socket.socket) -> None:
    """Whoever comes, one after the other, hears what it says."""
    try:
        while True:
            client, _ = door.accept()
            with client:
                while said := client.recv(100):
                    client.sendall(said)
    except OSError:
        return


@pytest.fixture
def line(echo: tuple[str, int]) -> Iterator[Line]:
    line = Line(echo)
    yield line
    line.close()


def test_k10_a_silent_line_brings_later_what_was_said_meanwhile(line: Line) -> None:
    with socket.create_connection(("127.0.0.1", line.port), 5) as client:
        client.sendall(b"one")
        assert client.recv(100) == b"one"
        line.silence()
        client.sendall(b"two")
        client.settimeout(0.1)
        with pytest.raises(TimeoutError):
            client.recv(100)
        line.heal()
        client.settimeout(5)
        assert client.recv(100) == b"two"


def test_k10_a_refused_line_cuts_off_and_sends_away_until_it_is_healed(line: Line) -> None:
    with socket.create_connection(("127.0.0.1", line.port), 5) as client:
        client.sendall(b"one")
        assert client.recv(100) == b"one"
        line.refuse()
        assert client.recv(100) == b""
    with socket.create_connection(("127.0.0.1", line.port), 5) as client:
        assert client.recv(100) == b""
    line.heal()
    with socket.create_connection(("127.0.0.1", line.port), 5) as client:
        client.sendall(b"two")
        assert client.recv(100) == b"two"


def test_k6_who_is_not_root_is_told_why_it_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    result = disk.disk_full(1, 1)
    assert (result.verdict(), result.said()) == ("skipped", "needs root, to mount a small disk")


@pytest.mark.skipif(bool(disk.why_not()), reason=disk.why_not() or "-")
def test_k6_ballast_fills_a_disk_and_is_gone_again(tmp_path: Path) -> None:
    disk.run("mount", "-t", "tmpfs", "-o", "size=2m", "gatehouse-chaos", tmp_path)
    try:
        with disk.full(tmp_path), pytest.raises(OSError, match="No space left"):
            (tmp_path / "more").write_bytes(bytes(disk.PIECE_BYTES))
        (tmp_path / "again").write_bytes(bytes(disk.PIECE_BYTES))
    finally:
        disk.run("umount", "--lazy", tmp_path)


def printed(results: dict[str, Result]) -> str:
    show = Console(width=160)
    with show.capture() as said:
        tell(results, show)
    return said.get()


def test_the_table_counts_what_was_lost_and_what_came_twice() -> None:
    wrong = ["lost: one", "lost: two", "double: three", "gap: four"]
    bad = Result(kills=1, wrong=wrong, unanswered=Counter({"503": 7}))
    said = printed({"K1 kills": CALM, "K3 away": bad, "K6 disk": Result(skipped="no root")})
    [calm, hurt, skipped] = [row for row in said.splitlines() if row.startswith("│")]
    assert [cell.strip() for cell in calm.split("│")[1:-1]] == [
        "K1 kills", "3", "0", "0", "1.2 / 2.0", "40", "passed", "calm",
    ]  # fmt: skip
    cells = [cell.strip() for cell in hurt.split("│")[1:-1]]
    assert cells[1:4] + cells[-2:] == ["1", "2", "1", "FAILED", "unanswered: 7 503"]
    assert "skipped" in skipped
    assert "K3 away: gap: four" in said


@pytest.mark.parametrize(("wrong", "status"), [([], 0), (["lost: it"], 1)])
def test_a_run_fails_if_anything_is_wrong(
    monkeypatch: pytest.MonkeyPatch, wrong: list[str], status: int
) -> None:
    def breaks(seconds: float, seed: int) -> Result:
        raise ConnectionError("gone")

    tests = {"K1 x": (1.0, lambda seconds, seed: Result(wrong=wrong)), "K2 y": (0.0, breaks)}
    monkeypatch.setattr(chaos, "TESTS", tests)
    answer = CliRunner().invoke(chaos.main, ["K1", "--seed", "7"])
    assert (answer.exit_code, "seed 7" in answer.output) == (status, True)
    assert CliRunner().invoke(chaos.main, ["K2"]).exit_code == 1


def test_nobody_is_spared() -> None:
    ids = {name.partition(" ")[0] for name in chaos.TESTS}
    assert ids == {"K0", "K1", "K2", "K3", "K6", "K10", "D1", "D12"}
    assert sum(share for share, _ in chaos.TESTS.values()) == pytest.approx(1)
