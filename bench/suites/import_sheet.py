"""Reading 10,000 residents x 19 columns: ours, openpyxl (peer), calamine unconfined (limit).

`python -m bench.suites.import_sheet [ROUNDS]`: the three alternate; ratios are per round.
"""

import sys
from collections.abc import Callable, Mapping
from io import BytesIO
from random import Random
from statistics import median
from time import perf_counter

from openpyxl import load_workbook
from python_calamine import CalamineWorkbook

from schemas.sheets import Column, read_sheet
from schemas.sheets.writing import write_sheet

ROWS = 10_000
PLAIN = ("Building", "Accessible Floors", "Apt Name", "Account Type", "First Name", "Last Name")
MORE = ("E-mail", "Access Group ID", "Remark")
CODES = ("Apt", "Mobile", "Calling Code", "Phone1", "Phone2", "Phone3", "Plate", "UHF")
COLUMNS = (
    *(Column(name, "") for name in PLAIN + MORE),
    *(Column(name, "", code=True) for name in CODES),
    *(Column(name, "", code=True, secret=True) for name in ("RF Card", "PIN")),
)


def people(seed: int = 1) -> list[dict[str, str]]:
    random = Random(seed)
    return [
        {
            "Building": f"Tower {i % 4}",
            "Accessible Floors": "1;2;3",
            "Apt Name": "",
            "Account Type": "0",
            "First Name": f"First{i}",
            "Last Name": "Muñoz" if i % 5 == 0 else f"Last{i}",
            "E-mail": f"u{i}@example.org",
            "Access Group ID": "1;2",
            "Remark": "",
            "Apt": f"{i:05}",
            "Mobile": f"{random.randrange(10**9):010}",
            "Calling Code": "56",
            "Phone1": f"{random.randrange(10**9):010}",
            "Phone2": "",
            "Phone3": "",
            "Plate": f"AB{i:05}",
            "UHF": "",
            "RF Card": f"{random.randrange(16**8):08X}",
            "PIN": f"{random.randrange(10**6):06}",
        }
        for i in range(ROWS)
    ]


def ours(data: bytes) -> int:
    return len(read_sheet(data, COLUMNS).rows)


def peer(data: bytes) -> int:
    [sheet] = load_workbook(BytesIO(data), read_only=True).worksheets
    return sum(1 for _ in sheet.iter_rows(min_row=2, values_only=True))


def limit(data: bytes) -> int:
    return len(CalamineWorkbook.from_filelike(BytesIO(data)).get_sheet_by_index(0).to_python()) - 1


ARMS: Mapping[str, Callable[[bytes], int]] = {"ours": ours, "peer": peer, "limit": limit}


def measure(rounds: int = 5) -> dict[str, list[float]]:
    """Seconds of every arm, one a round."""
    rows = people()
    data = write_sheet(COLUMNS, rows)
    assert [dict(row.cells) for row in read_sheet(data, COLUMNS).rows] == rows
    taken: dict[str, list[float]] = {name: [] for name in ARMS}
    for _ in range(rounds):
        for name, arm in ARMS.items():
            start = perf_counter()
            assert arm(data) == ROWS
            taken[name].append(perf_counter() - start)
    return taken


def report(taken: Mapping[str, list[float]]) -> str:
    over_peer = [peer / ours for ours, peer in zip(taken["ours"], taken["peer"], strict=True)]
    of_limit = [limit / ours for ours, limit in zip(taken["ours"], taken["limit"], strict=True)]
    lines = [f"{name}: {median(seconds):.3f} s" for name, seconds in taken.items()]
    for name, ratios in (("times the peer", over_peer), ("of the limit", of_limit)):
        lines.append(f"{name}: {median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})")
    return "\n".join(lines)


if __name__ == "__main__":
    print(report(measure(int(sys.argv[1]) if sys.argv[1:] else 5)))
