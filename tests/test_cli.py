"""The `gatehouse` command: quick to explain itself, plain when something is missing."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import psycopg
import pytest
from click.testing import CliRunner

import status
from cli import gatehouse, main
from config import ROOT, Config
from device_adapters.simulator.cli import sim
from domain.kernel import Malformed
from tests.running_server import RunningServer

GATEHOUSE = Path(sys.executable).with_name("gatehouse")


def commands(group: click.Group = gatehouse) -> Iterator[list[str]]:
    for name, command in sorted(group.commands.items()):
        yield [name]
        if isinstance(command, click.Group):
            yield from ([name, *rest] for rest in commands(command))


def groups() -> list[click.Group]:
    return [command for command in gatehouse.commands.values() if isinstance(command, click.Group)]


@pytest.mark.parametrize("path", [path for path in commands() if path != ["sim"]], ids=" ".join)
def test_every_command_explains_itself(path: list[str]) -> None:
    answer = CliRunner().invoke(gatehouse, [*path, "--help"])
    assert answer.exit_code == 0
    explanation = answer.output.split("\n\n")[1]
    assert len(explanation.split()) >= 5


@pytest.mark.parametrize("group", [gatehouse, sim, *groups()], ids=lambda group: group.name)
def test_a_list_of_commands_says_each_to_its_end(group: click.Group) -> None:
    """At 80 columns; what is longer would be cut."""
    answer = CliRunner().invoke(group, ["--help"], terminal_width=80)
    listed = answer.output.partition("Commands:")[2]
    assert len(listed.split()) >= 5
    assert "..." not in listed


def test_it_has_what_the_manual_names() -> None:
    named = "up status token+create migrate postgres rebuild audit+claims log+tail run sim"
    assert {tuple(name.split("+")) for name in named.split()} <= {tuple(p) for p in commands()}


def test_help_imports_nothing_heavy() -> None:
    script = """
import sys, cli
cli.gatehouse(["--help"], standalone_mode=False)
found = {"flask", "psycopg", "eventsourcing", "rich", "environs"} & {*sys.modules}
sys.exit(", ".join(found) or None)
"""
    done = run([sys.executable, "-c", script])
    assert (done.returncode, done.stderr) == (0, "")


def test_a_contradiction_is_said_plainly(tmp_path: Path) -> None:
    done = run([str(GATEHOUSE), "postgres"], DATABASE_URL="postgresql:///x", DATA=str(tmp_path))
    assert done.returncode == 2
    assert "DATABASE_URL names another server" in done.stderr


def test_what_stops_it_is_one_line(own_server: RunningServer) -> None:
    done = run([str(GATEHOUSE), "postgres", "--data", str(own_server.server.data)])
    assert done.returncode == 1
    assert done.stderr.startswith("gatehouse: PostgreSQL already runs over")
    assert done.stderr.count("\n") == 1


def test_status_says_plainly_what_it_cannot_reach(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATA", str(tmp_path))
    monkeypatch.delenv("DATABASE_URL", raising=False)

    def ask() -> dict[str, object]:
        psycopg.connect(host=str(tmp_path), dbname="gatehouse")
        return {}

    status.show(Config.from_env(), ask)
    printed = capsys.readouterr().out
    assert f"nothing runs over {tmp_path}" in printed.replace("\n", "")
    assert "the database cannot be reached" in printed


def test_status_shows_whatever_the_product_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATA", str(tmp_path))
    status.show(Config.from_env(), lambda: {"read models": {"library": "3 behind"}, "waiting": 7})
    printed = capsys.readouterr().out
    assert "library" in printed
    assert "3 behind" in printed
    assert "waiting: 7" in printed


def test_a_kafka_that_is_away_is_said_in_a_line(tmp_path: Path) -> None:
    given = {"KAFKA_BOOTSTRAP": "127.0.0.1:1", "DATA": str(tmp_path)}
    done = run([str(GATEHOUSE), "topics", "apply"], **given)
    assert done.returncode == 1
    assert done.stderr.startswith("gatehouse: Kafka does not do it: KafkaTimeoutError")
    assert done.stderr.count("\n") == 1


def test_a_malformed_name_is_said_in_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> str:
        raise Malformed("name", "1 to 64 printable characters")

    monkeypatch.setattr("bootstrap.make_token", refuse)
    monkeypatch.setattr(sys, "argv", ["gatehouse", "token", "create", "--role", "installer"])
    monkeypatch.setattr(sys, "argv", [*sys.argv, "--name", ""])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == "gatehouse: name: 1 to 64 printable characters"


def test_a_database_that_is_away_is_said_in_a_line(tmp_path: Path) -> None:
    done = run([str(GATEHOUSE), "relay", "replay", "--from", "3"], DATA=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith("gatehouse: the database cannot be reached: connection is bad")
    assert done.stderr.count("\n") == 1


def run(command: list[str], **changes: str) -> "subprocess.CompletedProcess[str]":
    environment = {name: v for name, v in os.environ.items() if name != "DATABASE_URL"} | changes
    return subprocess.run(  # noqa: S603
        command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["token", "create", "--name", "x", "--role", "god"], "'god' is not one of"),
        (["token", "create", "--name", "x"], "a manager needs a --community"),
        (["token", "create", "--name", "x", "--community", "y"], "not a valid UUID"),
        (["run", "nope"], "no process is called nope; there are projector, adapters"),
        (["rebuild", "nope"], "no read model is called nope; there are access_groups"),
    ],
)
def test_a_slip_is_answered_in_a_line_and_never_by_a_traceback(
    command: list[str], said: str
) -> None:
    done = subprocess.run(  # noqa: S603
        [GATEHOUSE, *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert said in done.stderr
    assert "Traceback" not in done.stderr
