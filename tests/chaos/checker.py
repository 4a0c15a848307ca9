"""K0: the checker of histories itself, on histories that are known to be bad."""

from tests.chaos.result import Result
from tests.running.history import differences
from tests.running.test_history import BAD, LINES, LOG, US


def bad_histories(seconds: float, seed: int) -> Result:
    missed = [
        name
        for name, (kind, lines, log) in BAD.items()
        if kind not in {found.partition(":")[0] for found in differences(lines, log, US)}
    ]
    result = Result(note=f"{len(BAD) - len(missed)} of {len(BAD)} bad histories found")
    result.wrong += [f"not found: {name}" for name in missed]
    result.wrong += differences(LINES, LOG, US)
    return result
