"""`make chaos`: everything is hurt in turn, for SECONDS in all, and a table tells what came of it.

python -m tests.chaos [--seconds 600] [--seed N] [TEST …]
"""

import logging
import sys
import time
from collections.abc import Mapping

import click
import structlog
from rich.console import Console

from tests.chaos.checker import bad_histories
from tests.chaos.disk import disk_full
from tests.chaos.fleet import fleet_heals
from tests.chaos.kills import alone, database_away, kill_any, zombies
from tests.chaos.lines import cut_off
from tests.chaos.model import converges
from tests.chaos.result import Result, Test, tell

# Each with its share of the time; what it takes to start and to judge comes on top.
TESTS: Mapping[str, tuple[float, Test]] = {
    "K0 history checker": (0, bad_histories),
    "K1 kill any process": (0.25, alone(kill_any)),
    "K2 zombies": (0.12, alone(zombies)),
    "K3 database away": (0.08, alone(database_away)),
    "K6 disk full": (0.08, disk_full),
    "K10 cut off": (0.15, cut_off),
    "D1 one phone": (0.16, converges),
    "D12 fleet": (0.16, fleet_heals),
}
OVERHEAD_SECONDS = 30.0  # of a test beside its share
WIDTH = 140  # of the table in a file


@click.command()
@click.argument("names", nargs=-1)
@click.option("--seconds", default=600.0, show_default=True)
@click.option("--seed", type=int, help="As an earlier run printed it.  [default: another each run]")
def main(names: tuple[str, ...], seconds: float, seed: int | None) -> None:
    """Hurt everything in turn; NAMES (K1, D12 …) choose among the tests."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    seed = seed or int(time.time())
    show = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)
    chosen = {n: t for n, t in TESTS.items() if not names or n.partition(" ")[0] in names}
    show.print(f"seed {seed}")
    spare = max(seconds - OVERHEAD_SECONDS * len(chosen), seconds / 3)
    whole = sum(share for share, _ in chosen.values()) or 1
    results = dict[str, Result]()
    for name, (share, test) in chosen.items():
        began = time.monotonic()
        results[name] = tried(test, spare * share / whole, seed)
        show.print(f"{name}: {results[name].verdict()} in {time.monotonic() - began:.0f} s")
    tell(results, show)
    sys.exit(any(result.wrong for result in results.values()))


def tried(test: Test, seconds: float, seed: int) -> Result:
    try:
        return test(seconds, seed)
    except Exception as broken:  # the others still have their turn
        return Result(wrong=[f"broke off: {type(broken).__name__}: {broken}"])


if __name__ == "__main__":
    main()
