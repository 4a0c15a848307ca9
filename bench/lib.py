"""Arms that alternate in one run, and their ratios: an absolute figure says little on a machine
that others use, too.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from statistics import median
from threading import Barrier, Thread

from rich.console import Console
from rich.table import Table

from bench.machine import Meter
from eventlog.embedded import EmbeddedServer
from tests.running_server import RunningServer, a_folder

NOISY = 0.06  # of all cores


@contextmanager
def a_server() -> Iterator[EmbeddedServer]:
    """A PostgreSQL of the bench's own, with fsync."""
    with a_folder() as folder:
        running = RunningServer(EmbeddedServer(folder / "postgres"), folder / "log")
        try:
            running.start()
            yield running.server
        finally:
            running.stop()


@dataclass(frozen=True)
class Point:
    """`rate` in operations a second; latencies and CPU (ours, the server's) in seconds for each;
    `foreign` is others' share of all cores.
    """

    rate: float
    p50: float
    p99: float
    client: float
    server: float
    foreign: float


def measured(workers: Sequence[Callable[[], object]], seconds: float) -> Point:
    """Each worker in a thread of its own, over and over."""
    start, latencies = Barrier(len(workers) + 1), [list[float]() for _ in workers]
    until = [0.0]

    def work(act: Callable[[], object], taken: list[float]) -> None:
        start.wait()
        while (began := time.perf_counter()) < until[0]:
            act()
            taken.append(time.perf_counter() - began)

    pairs = zip(workers, latencies, strict=True)
    threads = [Thread(target=work, args=pair) for pair in pairs]
    for thread in threads:
        thread.start()
    meter, cpu, began = Meter(), time.process_time(), time.perf_counter()
    until[0] = began + seconds
    start.wait()
    for thread in threads:
        thread.join()
    elapsed, cpu, usage = time.perf_counter() - began, time.process_time() - cpu, meter.usage()
    taken = sorted(latency for each in latencies for latency in each)
    return Point(
        rate=len(taken) / elapsed,
        p50=taken[len(taken) // 2],
        p99=taken[int(len(taken) * 0.99)],
        client=cpu / len(taken),
        server=usage.served / len(taken),
        foreign=usage.foreign,
    )


Arms = Mapping[str, Callable[[], Point]]
Rounds = Mapping[str, Sequence[Point]]


def interleaved(arms: Arms, rounds: int) -> Rounds:
    """A B C A B C …, after a round that does not count."""
    taken: dict[str, list[Point]] = {name: [] for name in arms}
    for arm in arms.values():
        arm()
    for _ in range(rounds):
        for name, arm in arms.items():
            taken[name].append(arm())
    return taken


@dataclass(frozen=True)
class Goal:
    """`ours` shall reach `at_least` times `other`."""

    ours: str
    other: str
    at_least: float


def ratios(taken: Rounds, goal: Goal) -> list[float]:
    return [a.rate / b.rate for a, b in zip(taken[goal.ours], taken[goal.other], strict=True)]


def report(taken: Rounds, goals: Sequence[Goal]) -> None:
    """Medians, and of each ratio the range over the rounds, too."""
    console = Console(width=100)
    heads = ("per second", "p50 ms", "p99 ms", "our CPU us", "server's us", "others' CPU")
    arms = Table("arm", *heads)
    for name, points in taken.items():
        middle = {f.name: median(getattr(p, f.name) for p in points) for f in fields(Point)}
        arms.add_row(
            name,
            f"{middle['rate']:,.0f}",
            f"{middle['p50'] * 1e3:.2f}",
            f"{middle['p99'] * 1e3:.2f}",
            f"{middle['client'] * 1e6:.0f}",
            f"{middle['server'] * 1e6:.0f}",
            f"{middle['foreign']:.0%}{' noisy' if middle['foreign'] > NOISY else ''}",
        )
    console.print(arms)
    told = Table("ratio", "median", "range", "goal", "")
    for goal in goals:
        found = ratios(taken, goal)
        verdict = "reached" if median(found) >= goal.at_least else "missed"
        spread = f"{min(found):.2f} - {max(found):.2f}"
        name = f"{goal.ours} / {goal.other}"
        told.add_row(name, f"{median(found):.2f}", spread, f"{goal.at_least:.2f}", verdict)
    console.print(told)
