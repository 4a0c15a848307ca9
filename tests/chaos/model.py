"""D1: thousands of short lives of one phone, and of a broken adapter for each known bug."""

from time import monotonic

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.chaos.redelivery import Delivered, TakesWhatComes
from tests.chaos.result import Result
from tests.device_adapters.test_convergence import PLANTED, House, Switching, Travelling

HOUSES = (House, Switching, Travelling, Delivered)
BATCH, LONGEST = 50, 2000  # examples: of a run; until a bug that was planted must be found
# The six of survive.md by their names here, and then those that we thought of since.
SIX = (
    "no version check",
    "trusts the ack",
    "clears and refills",
    "grants first",
    "deletes by PIN",
    "stuck",
)
BUGS = PLANTED | {"no version check": {"house": Delivered, "following": TakesWhatComes}}


def search(examples: int) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=25,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )


def lived(house: type[House], examples: int, number: int) -> str:
    """What was wrong with one of them; nothing if all went well."""
    try:
        run_state_machine_as_test(seed(number)(house), settings=search(examples))
    except AssertionError as wrong:
        return f"{house.__name__}: {wrong}"
    return ""


def infected(bug: str) -> type[House]:
    planted = BUGS[bug]
    return type(bug, (planted.get("house", House),), dict(planted))


def is_found(bug: str, number: int) -> bool:
    return bool(lived(infected(bug), LONGEST, number))


def converges(seconds: float, number: int) -> Result:
    """Every bug is looked for first; what time is left is for the adapter as it is."""
    began, result, lives = monotonic(), Result(), 0
    found = [bug for bug in BUGS if is_found(bug, number)]
    result.wrong += [f"planted bug not found: {bug}" for bug in BUGS if bug not in found]
    while not lives or monotonic() - began < seconds:
        for house in HOUSES:
            if said := lived(house, BATCH, number + lives):
                result.wrong.append(f"{said} (seed {number + lives})")
        lives += BATCH * len(HOUSES)
    six = sum(bug in found for bug in SIX)
    result.note = f"{lives} lives; planted bugs {six}/6 and {len(found) - six}/{len(BUGS) - 6} more"
    return result
