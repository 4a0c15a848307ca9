"""PostgreSQL without an administrator: as root and as anybody, and after any death."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from config import ROOT
from eventlog.embedded import EmbeddedServer, socket_folder
from eventlog.unprivileged import SYSTEM_HOME, place
from tests.running_server import RunningServer

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


def ask(server: EmbeddedServer, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(server.conninfo("postgres")) as connection:
        return connection.execute(query.encode()).fetchall()


def test_a_server_keeps_what_it_was_told(own_server: RunningServer) -> None:
    names = ["fsync", "full_page_writes", "synchronous_commit", "data_checksums", "TimeZone"]
    shown = [ask(own_server.server, f"SHOW {name}")[0][0] for name in names]
    assert shown == ["on", "on", "on", "on", "UTC"]
    locale = "SELECT datname FROM pg_database WHERE datlocale = 'C.UTF-8' AND encoding = 6"
    assert ("gatehouse",) in ask(own_server.server, locale)


def test_it_listens_on_nothing_but_its_own_folder(own_server: RunningServer) -> None:
    assert ask(own_server.server, "SHOW listen_addresses") == [("",)]
    assert own_server.server.data.stat().st_mode & 0o077 == 0


@as_root
def test_root_runs_it_as_an_unprivileged_user(own_server: RunningServer) -> None:
    owner = Path(f"/proc/{own_server.process.pid}").stat().st_uid
    assert owner == own_server.server.data.stat().st_uid != 0


def test_k3_five_kills_in_a_row_lose_no_commit(own_server: RunningServer) -> None:
    with psycopg.connect(own_server.server.conninfo("postgres")) as connection:
        connection.execute("CREATE TABLE kept (n int)")
    for n in range(5):
        with psycopg.connect(own_server.server.conninfo("postgres")) as connection:
            connection.execute("INSERT INTO kept VALUES (%s)", [n])
        own_server.kill()
        own_server.start()
    assert ask(own_server.server, "SELECT n FROM kept ORDER BY n") == [(n,) for n in range(5)]


def test_k3_a_backend_that_outlives_its_server_is_waited_for(own_server: RunningServer) -> None:
    """A busy child notices only at its next look around; meanwhile it holds the shared memory."""
    connection = psycopg.connect(own_server.server.conninfo("postgres"))
    backend = connection.info.backend_pid
    os.kill(backend, signal.SIGSTOP)
    own_server.kill()
    awake = threading.Timer(0.7, os.kill, (backend, signal.SIGCONT))
    awake.start()
    own_server.start()
    assert backend not in own_server.server.processes()
    awake.join()
    connection.close()


def test_a_pid_file_that_names_a_stranger_is_no_server(own_server: RunningServer) -> None:
    """After a reboot the number may be anybody's; PostgreSQL itself would refuse to start."""
    own_server.kill()
    pid_file = own_server.server.data / "postmaster.pid"
    with stranger(pid_file.stat().st_uid) as pid:
        lines = pid_file.read_text().split("\n")
        pid_file.write_text("\n".join([str(pid), *lines[1:]]))
        own_server.start()
    assert ask(own_server.server, "SELECT 1") == [(1,)]


@contextmanager
def stranger(uid: int) -> Iterator[int]:
    """Of the server's own user: it takes another user's process for a stranger anyway."""
    sleeper = subprocess.Popen(["sleep", "60"], user=uid if os.geteuid() == 0 else None)  # noqa: S607
    try:
        yield sleeper.pid
    finally:
        sleeper.kill()
        sleeper.wait()


def test_an_interrupted_preparation_starts_over(own_server: RunningServer) -> None:
    second = EmbeddedServer(own_server.server.data.with_name("second"), durable=False)
    draft = second.data.with_name("second.new")
    draft.mkdir()
    (draft / "PG_VERSION").write_text("18")
    second.initialise()
    assert (second.data / "global" / "pg_control").exists()
    assert not draft.exists()


def test_a_long_path_gets_a_short_socket(tmp_path: Path) -> None:
    assert socket_folder(tmp_path, "s") == tmp_path
    deep = tmp_path / ("x" * 100)
    short = socket_folder(deep, "s")
    assert len(bytes(short / "s")) < 107
    assert short != socket_folder(tmp_path / ("y" * 100), "s")


@as_root
def test_data_that_the_server_cannot_reach_lie_elsewhere(tmp_path: Path) -> None:
    closed, open_to_all = tmp_path, Path("/srv/gatehouse")
    closed.chmod(0o700)
    assert place(open_to_all, "postgres") == open_to_all / "postgres"
    assert place(closed / "var", "postgres").parent == SYSTEM_HOME
    places = {place(closed / var, name) for var in ("var", "other") for name in ("a", "b")}
    assert len(places) == 4


def test_the_server_ends_with_who_started_it(own_server: RunningServer) -> None:
    """kill -9 of a supervisor leaves no PostgreSQL behind (Linux)."""
    own_server.stop()
    script = (
        "import subprocess, sys, time; from pathlib import Path;"
        "from eventlog.embedded import EmbeddedServer as S; s = S(Path(sys.argv[1]));"
        "subprocess.Popen([sys.executable, '-m', 'cli', 'postgres', '--data', sys.argv[1]]);"
        "s.wait_ready(); print(s.leader(), flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", script, str(own_server.server.data)]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)  # noqa: S603
    assert parent.stdout
    leader = int(parent.stdout.readline())
    assert leader in own_server.server.processes()
    parent.kill()
    parent.communicate()
    own_server.start()
    assert own_server.server.leader() != leader
