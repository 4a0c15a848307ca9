"""`make bench`, `python -m bench [NAME…] [--quick]`: one suite after another, and nothing else.

Each runs in a process of its own, for a bounded time; what it printed is in bench/out/NAME.txt.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from threading import Timer
from time import monotonic
from typing import NoReturn

import click

from bench.load import Wrong
from bench.machine import OURS, ROOT, alone
from bench.results import OUT, QUICK, Absurd, prepare
from bench.running import SHARED, Gatehouse, NotUp

SUITES = sorted(file.stem for file in Path(__file__).parent.glob("suites/*.py"))
ROUNDS = {"append": 3, "commands": 3, "import_residents": 2, "import_sheet": 3, "memory": 2}
USUAL, MOST_SECONDS = 3, 300
LONG = {"converge": 1800}  # only by name
LAST = ("push", "converge", "memory")  # they start their own Gatehouse; quick, the others share
QUIET = ("import_sheet", "append")


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(SUITES))
@click.option("--quick", is_flag=True, help="One round of little: is all of it right and sane?")
@click.option("--here", is_flag=True, hidden=True, help="In this process; by ourselves only.")
def bench(names: Sequence[str], quick: bool, here: bool) -> None:
    """Measure; exit status 1 if a suite found something wrong or absurd."""
    chosen = [name for name in SUITES if name in (names or SUITES) and (names or name not in LONG)]
    signal.signal(signal.SIGTERM, ended)  # so that what was started is stopped, too
    if here:
        try:
            for name in chosen:
                run(name, QUICK if quick else ROUNDS.get(name, USUAL))
        except (Absurd, Wrong, NotUp) as found:
            sys.exit(f"{type(found).__name__}: {found}")
        return
    prepare()
    begun = monotonic()
    with alone(), one_for_all(chosen, quick) as shared:
        os.environ[OURS] = str(os.getpid())
        failed = [name for name in chosen if not passed(name, quick, shared)]
    took = f"{monotonic() - begun:.0f} s"
    click.echo(f"{took}; " + (f"wrong: {', '.join(failed)}" if failed else f"see {OUT}"))
    sys.exit(bool(failed))


def ended(_signal: int, _frame: object) -> NoReturn:
    sys.exit("ended from outside, or after too long")


def run(name: str, rounds: int) -> None:
    suite = import_module(f"bench.suites.{name}")
    if hasattr(suite, "main"):
        suite.main(rounds)
    else:
        click.echo(suite.report(suite.measure(rounds)))


@contextmanager
def one_for_all(chosen: Sequence[str], quick: bool) -> Iterator[dict[str, str]]:
    """Starting is most of the quick profile: those that can, share one."""
    if not quick or set(chosen) <= {*LAST, *QUIET}:
        yield {}
        return
    settings = {"DEVICE_NETWORKS": "127.0.0.0/8", "DEVICE_PACE": "0"}
    with Gatehouse(settings) as house:
        yield {SHARED: f"{house.folder} {house.port} {house.token}"}


def passed(name: str, quick: bool, shared: dict[str, str]) -> bool:
    """What the suite says goes to the screen as it comes, and to a file."""
    click.echo(f"--- {name}")
    command = [sys.executable, "-m", "bench", "--here", name, *(["--quick"] if quick else [])]
    process = subprocess.Popen(  # noqa: S603
        command,
        cwd=ROOT,
        env=os.environ | shared,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    late = Timer(LONG.get(name, MOST_SECONDS), process.terminate)
    late.start()
    try:
        with (OUT / f"{name}.txt").open("w") as kept:
            for line in process.stdout or ():
                click.echo(line, nl=False)
                kept.write(line)
        return process.wait() == 0
    finally:
        late.cancel()
        process.terminate()


if __name__ == "__main__":
    bench()
