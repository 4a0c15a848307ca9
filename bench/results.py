"""What a suite found: a table to look at, and bench/out/NAME.json with every round."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.lib import NOISY, Goal, Point, ratios
from bench.load import Load
from bench.machine import facts

OUT = Path(__file__).resolve().parent / "out"
QUICK = 1  # rounds: then only correctness counts, and that no ratio is absurd
SANE = 0.1  # of a goal: noise does not get below this
console = Console(width=118, highlight=False)


class Absurd(Exception):
    """A ratio so far from its goal that something is broken, not slow."""


@dataclass(frozen=True)
class Served(Point):
    """`count` answers; `idle` is a share of all cores."""

    count: int
    idle: float


Taken = Mapping[str, Sequence[Served]]


def served(load: Load) -> Served:
    count = len(load.latencies)
    return Served(
        rate=load.rate,
        p50=load.at(0.5),
        p99=load.at(0.99),
        foreign=load.usage.foreign,
        count=count,
        idle=load.usage.idle,
        server=load.usage.served / count,
        client=load.client / count,
    )


def alternating(arms: Mapping[str, Callable[[], Load]], rounds: int) -> dict[str, Sequence[Served]]:
    """A B C A B C …; each arm warms up by itself."""
    taken: dict[str, list[Served]] = {name: [] for name in arms}
    for _ in range(rounds):
        for name, arm in arms.items():
            taken[name].append(served(arm()))
    return dict(taken)


def tell(suite: str, taken: Taken, goals: Sequence[Goal], rest: Mapping[str, Any]) -> None:
    """Medians over the rounds; of each ratio the range, too. Absurd if one is."""
    console.print(figures(suite, taken))
    found = {f"{goal.ours} / {goal.other}": ratios(taken, goal) for goal in goals}
    table = Table("ratio", "median", "range", "goal", "")
    for goal, (name, each) in zip(goals, found.items(), strict=True):
        verdict = "reached" if median(each) >= goal.at_least else "missed"
        spread = f"{min(each):.2f} - {max(each):.2f}"
        table.add_row(name, f"{median(each):.2f}", spread, f"{goal.at_least:g}", verdict)
    if goals:
        console.print(table)
    rounds = {name: [asdict(point) for point in points] for name, points in taken.items()}
    save(suite, {"rounds": rounds, "ratios": found, **rest})
    for goal, each in zip(goals, found.values(), strict=True):
        if median(each) < goal.at_least * SANE:
            raise Absurd(f"{goal.ours} is {median(each):.3f} of {goal.other}")


def figures(suite: str, taken: Taken) -> Table:
    table = Table(
        suite, "per second", "p50 ms", "p99 ms", "server µs", "client µs", "idle", "others' CPU"
    )
    for name, points in taken.items():
        mid = {f: median(getattr(p, f) for p in points) for f in Served.__dataclass_fields__}
        table.add_row(
            name,
            f"{mid['rate']:,.0f}",
            *(f"{mid[f] * 1e3:.2f}" for f in ("p50", "p99")),
            *(f"{mid[f] * 1e6:,.0f}" for f in ("server", "client")),
            f"{mid['idle']:.0%}",
            noise(mid["foreign"]),
        )
    return table


def noise(foreign: float) -> str:
    return f"{foreign:.0%}{' noisy' if foreign > NOISY else ''}"


def show(heads: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    table = Table(*heads)
    for row in rows:
        table.add_row(*map(str, row))
    console.print(table)


def save(suite: str, found: Mapping[str, Any]) -> None:
    prepare()
    text = json.dumps({"machine": facts(), **found}, indent=1, default=str)
    (OUT / f"{suite}.json").write_text(text)


def prepare() -> None:
    """The folder ignores itself."""
    OUT.mkdir(exist_ok=True)
    (OUT / ".gitignore").write_text("*\n")
