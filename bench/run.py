"""`python bench/run.py SUITE [ROUNDS]`: a suite of bench/suites, with the machine to itself."""

import sys
from importlib import import_module
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.machine import alone


def main(suite: str, rounds: str = "5") -> None:
    with alone():
        import_module(f"bench.suites.{suite}").main(int(rounds))


if __name__ == "__main__":
    main(*sys.argv[1:])
