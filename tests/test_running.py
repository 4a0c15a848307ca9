"""`gatehouse up` from nothing to an address and down again, over a small web process."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from config import ROOT, Config
from running import wanted
from supervision import Supervised, Supervisor, configuration, strays
from tests.running_server import a_folder

WEB = """
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"ready"]
"""
PROCFILE = """\
# what a real one has, in small
web: gunicorn web:app --chdir {folder} --bind 127.0.0.1:$PORT --reuse-port --no-control-socket
sleeper: sleep 1000
phones: sleep 1000
"""
DRIVE = """
from pathlib import Path
from sys import argv, exit
from config import Config
from running import NotStarted, Work, up
try:
    up(Config.from_env(), Work(migrate=lambda: None, token=lambda: "token-42"), Path(argv[1]))
except NotStarted as error:
    exit(str(error))
"""


class House:
    """One folder, one port; `up` may be started in it again and again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        (folder / "web.py").write_text(WEB)
        (folder / "Procfile").write_text(PROCFILE.format(folder=folder))

    def up(self, **changes: str) -> "subprocess.Popen[str]":
        left_out = ("DATABASE_URL", "KEK_FILE", "DEMO", "KAFKA")
        plain = {name: value for name, value in os.environ.items() if name not in left_out}
        here = {"PORT": str(self.port), "DATA": str(self.folder / "var")}
        command = [sys.executable, "-c", DRIVE, str(self.folder / "Procfile")]
        return subprocess.Popen(  # noqa: S603
            command, env=plain | here | changes, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True,
        )  # fmt: skip

    def config(self) -> Config:
        with pytest.MonkeyPatch.context() as patch:
            patch.delenv("DATABASE_URL", raising=False)
            patch.setenv("DATA", str(self.folder / "var"))
            return Config.from_env()

    def process(self, name: str) -> Supervised:
        found = Supervisor(self.config()).processes()
        return next(process for process in found if process.name == name)

    def answers(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/readyz").text == "ready"
        except httpx.TransportError:
            return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def said(up: "subprocess.Popen[str]", word: str) -> str:
    """What it prints up to and with the line that holds the word."""
    assert up.stdout
    lines = []
    for line in up.stdout:
        lines.append(line)
        if word in line:
            return "".join(lines)
    raise AssertionError("".join(lines))


def soon(true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 15
    while not true() and time.monotonic() < deadline:
        time.sleep(0.1)
    return true()


@contextmanager
def a_house() -> Iterator[House]:
    with a_folder() as folder:
        yield House(folder)


@contextmanager
def ending(up: "subprocess.Popen[str]") -> Iterator["subprocess.Popen[str]"]:
    try:
        yield up
    finally:
        up.terminate()
        up.communicate(timeout=60)


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with a_house() as house, ending(house.up()) as up:
        said(up, "Ctrl-C")
        yield house


def test_it_serves_and_shows_what_runs(house: House) -> None:
    assert house.answers()
    names = ["postgres", "sleeper", "web"]
    assert sorted(p.name for p in Supervisor(house.config()).processes()) == names
    assert soon(lambda: all(house.process(name).runs for name in names))
    assert house.process("web").memory() > 2**20


def test_a_second_one_over_the_same_data_is_refused(house: House) -> None:
    output, _ = (second := house.up()).communicate(timeout=30)
    assert second.returncode == 1
    assert output == (
        f"Gatehouse already runs over {house.folder}/var:"
        f" `DATA={house.folder}/var .venv/bin/gatehouse status` shows it\n"
    )


def test_a_port_in_use_is_one_clear_line(house: House) -> None:
    output, _ = (other := house.up(DATA=str(house.folder / "other"))).communicate(timeout=30)
    assert other.returncode == 1
    assert output.startswith(f"port {house.port} of 127.0.0.1 cannot be had")
    assert output.count("\n") == 1


@pytest.mark.parametrize("name", ["sleeper", "web", "postgres"])
def test_what_dies_is_started_again(house: House, name: str) -> None:
    died = house.process(name).pid
    os.kill(died, signal.SIGKILL)
    assert soon(lambda: house.process(name).pid not in (0, died))
    assert soon(house.answers)


def test_no_secret_is_in_what_it_wrote(house: House) -> None:
    written = [p for p in (house.folder / "var").glob("*/*") if p.suffix in (".conf", ".log")]
    assert len(written) >= 4
    assert not any("token-42" in file.read_text() for file in written)


def test_sigterm_stops_all_in_order_and_leaves_nobody() -> None:
    with a_house() as house:
        with ending(house.up()) as up:
            welcome = said(up, "Ctrl-C")
        assert up.returncode == 0
        assert f"ready: http://127.0.0.1:{house.port}\n" in welcome
        assert "token-42" in welcome
        assert "made a master key" in welcome
        assert not strays(house.config())
        log = (house.folder / "var" / "log" / "supervisord.log").read_text()
        assert log.index("stopped: web") < log.index("stopped: postgres")


@pytest.mark.parametrize("victim", ["up", "supervisord"])
def test_a_kill_9_of_the_one_above_orphans_nobody(victim: str) -> None:
    with a_house() as house, ending(house.up()) as up:
        said(up, "Ctrl-C")
        pid = int((house.folder / "var" / "run" / "supervisord.pid").read_text())
        os.kill(up.pid if victim == "up" else pid, signal.SIGKILL)
        up.wait(30)
        assert soon(lambda: not strays(house.config()))


def test_the_next_start_ends_exactly_what_an_earlier_one_left() -> None:
    with a_house() as house:
        mark = {"GATEHOUSE_UP": str(house.folder / "var")}
        with a_sleeper(mark) as ours, a_sleeper({}) as another:
            with ending(house.up()) as up:
                assert "ended 1 processes" in said(up, "Ctrl-C")
            assert ours.wait(5) == -signal.SIGTERM
            assert another.poll() is None


@contextmanager
def a_sleeper(mark: dict[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    sleeper = subprocess.Popen(["sleep", "1000"], env=os.environ | mark)  # noqa: S607
    try:
        yield sleeper
    finally:
        sleeper.kill()
        sleeper.wait()


def test_a_database_url_starts_no_postgres(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA", "/srv/100%/gatehouse")
    monkeypatch.setenv("DATABASE_URL", "postgresql://owner:hush@db.example/gatehouse")
    written = configuration(Config.from_env(), {"web": ["gunicorn", "a b"]})
    assert "postgres" not in written
    assert "hush" not in written
    assert "gunicorn 'a b'" in written
    assert "/srv/100%%/gatehouse/log/web.log" in written


def test_kafka_and_the_relay_are_for_who_wants_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KAFKA", "KAFKA_BOOTSTRAP"):
        monkeypatch.delenv(name, raising=False)
    without = Config.from_env()
    assert "gatehouse kafka" not in configuration(without, {})
    assert "relay" not in wanted(without, ROOT / "Procfile")
    monkeypatch.setenv("KAFKA", "1")
    ours = Config.from_env()
    assert "command = gatehouse kafka" in configuration(ours, {})
    assert "relay" in wanted(ours, ROOT / "Procfile")
    monkeypatch.setenv("KAFKA_BOOTSTRAP", "broker.example:9093")
    theirs = Config.from_env()
    assert "gatehouse kafka" not in configuration(theirs, {})
    assert "relay" in wanted(theirs, ROOT / "Procfile")


def test_the_phones_are_for_the_demo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    procfile = tmp_path / "Procfile"
    procfile.write_text("web: serve --port $PORT\nphones: gatehouse sim serve\n")
    monkeypatch.setenv("PORT", "9000")
    monkeypatch.delenv("DEMO", raising=False)
    assert wanted(Config.from_env(), procfile) == {"web": ["serve", "--port", "9000"]}
    monkeypatch.setenv("DEMO", "1")
    assert list(wanted(Config.from_env(), procfile)) == ["web", "phones"]


def test_every_process_of_the_procfile_is_a_program_we_have() -> None:
    bin_folder = Path(sys.executable).parent
    for command in wanted(Config.from_env(), Path("Procfile")).values():
        assert (bin_folder / command[0]).exists()
