"""The README's tour, word for word, against the running system: every process, every phone."""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

import pytest

ROOT = Path(__file__).parent.parent
GATEHOUSE = Path(sys.executable).parent / "gatehouse"
STEP = re.compile(r"```sh tour\n(.*?)```\n```text\n(.*?)```", re.DOTALL)
READY_SECONDS, TOUR_SECONDS, STOP_SECONDS = 120, 120, 60
ADDRESS = re.compile(r"127\.0\.0\.1:(8\d\d\d)")


@dataclass
class Running:
    port: int
    token: str
    process: subprocess.Popen[str]


def free_ports() -> int:
    """A port whose neighbours a hundred above are free for the phones."""
    for port in range(8700 + os.getpid() % 50 * 200, 65000, 200):
        with socket.socket() as web, socket.socket() as phone:
            try:
                web.bind(("127.0.0.1", port))
                phone.bind(("127.0.0.1", port + 106))
            except OSError:
                continue
            return port
    raise AssertionError("no free port")


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """As `make run` starts it, from nothing."""
    folder = Path(tempfile.mkdtemp(prefix="gatehouse-tour-", dir="/tmp"))
    folder.chmod(0o755)
    port = free_ports()
    environment = {k: v for k, v in os.environ.items() if k != "DATABASE_URL"}
    environment |= {"DATA": str(folder / "var"), "PORT": str(port), "DEMO": "1"}
    process = subprocess.Popen(  # noqa: S603
        [GATEHOUSE, "up"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        yield Running(port, token_of(process), process)
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=STOP_SECONDS)
        rmtree(folder)


def token_of(process: subprocess.Popen[str]) -> str:
    """Of the line that says so, once it is ready."""
    assert process.stdout
    said, deadline = "", time.monotonic() + READY_SECONDS
    for line in process.stdout:
        said += line
        if "Ctrl-C" in line or time.monotonic() > deadline:
            break
    found = re.search(r"token .*: (\S+)", said)
    assert found, said
    return found[1]


def pattern(shown: str) -> str:
    """What the README shows, where … stands for anything."""
    return ".*?".join(map(re.escape, shown.strip().split("…")))


def test_the_tour_does_what_the_readme_says(running: Running) -> None:
    steps = STEP.findall((ROOT / "README.md").read_text())
    assert len(steps) >= 8
    marks = [f"--- step {n} ---" for n in range(len(steps))]
    script = "\n".join(
        f"echo '{mark}'\n{commands}" for mark, (commands, _) in zip(marks, steps, strict=True)
    )
    script = ADDRESS.sub(lambda m: f"127.0.0.1:{running.port + int(m[1]) - 8000}", script)
    bin = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(  # noqa: S603
        ["/bin/bash", "-c", script],
        cwd=ROOT,
        env=os.environ | {"TOKEN": running.token, "PATH": bin},
        capture_output=True,
        text=True,
        timeout=TOUR_SECONDS,
        check=False,
    )
    _, *said = re.split(r"--- step \d+ ---\n", done.stdout)
    assert len(said) == len(steps), done.stdout + done.stderr
    for (commands, shown), answer in zip(steps, said, strict=True):
        for line in shown.strip().splitlines():
            assert re.search(pattern(line), answer, re.DOTALL), (commands, line, answer)
