"""What an attacker uploads: refused in the time and the memory of a good file, by the guard meant.

Each file that a limit refuses gets through, or to the next guard, where that limit alone is lifted.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from io import BytesIO
from pathlib import Path
from random import Random
from zipfile import ZIP_DEFLATED, ZipFile
from zlib import compressobj

import pytest
from openpyxl import Workbook

from schemas.sheets import LIMITS, SheetErrors, UnreadableSheet, parsing, read_sheet
from schemas.sheets.archive import DAMAGED, MB, examine
from schemas.sheets.parsing import GAVE_UP
from schemas.sheets.writing import write_sheet
from tests.schemas.sheet_builders import (
    COLUMNS,
    MAIN,
    NAME,
    SHEET,
    SKELETON,
    a_workbook,
    by_hand,
    packed,
    rows_of,
    saved,
)

HEAD = "<row><c t='str'><v>Name</v></c></row>"
PARENT = 20 * MB
SECONDS = 2.0  # of CPU, children included: the machine is shared


def far_cell() -> bytes:
    return a_workbook({"A2": "Ann", "XFD1048576": "x"})


@cache
def tiny_rows() -> bytes:
    random = Random(1)
    rows = "".join(f"<row><c><v>{random.randrange(10**6)}</v></c></row>" for _ in range(1_000_000))
    return packed({**SKELETON, SHEET: rows_of(HEAD + rows)}, level=1)


def ratio_bomb() -> bytes:
    return by_hand(HEAD + " " * 40 * MB)


def inflated_bomb() -> bytes:
    return by_hand(HEAD + " " * 60 * MB)


def laughs(part: str) -> bytes:
    lols = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
    bomb = f'<?xml version="1.0"?><!DOCTYPE b [<!ENTITY l0 "lol">{lols}]>'
    cell = "<row><c t='str'><v>&l9;</v></c></row>"
    if part == "sheet":
        return packed({**SKELETON, SHEET: bomb + rows_of(HEAD + cell)})
    return by_hand(HEAD, sharedStrings=f"{bomb}<sst {MAIN}><si><t>&l9;</t></si></sst>")


def one_long_text_many_times(times: int = 19_999) -> bytes:
    """1 MB that asks for 650 MB; the noise keeps its ratio low."""
    text = f"<sst {MAIN}><si><t>{'x' * 32_767}</t></si></sst>"
    rows = HEAD + "<row><c t='s'><v>0</v></c></row>" * times
    noise = Random(1).randbytes(MB)
    return packed({**SKELETON, SHEET: rows_of(rows), "xl/sharedStrings.xml": text, "n": noise})


def refusal(data: bytes, **lifted: float) -> str:
    with pytest.raises(UnreadableSheet) as caught:
        read_sheet(data, COLUMNS, limits=replace(LIMITS, **lifted))  # type: ignore[arg-type]
    return str(caught.value)


def memory(name: str) -> int:
    """Bytes of VmRSS (now) or VmHWM (the most since it was last reset) of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def children() -> set[str]:
    """Also those that ended and were not waited for."""
    tasks = Path("/proc/self/task").glob("*/children")
    return {pid for task in tasks for pid in task.read_text().split()}


@contextmanager
def unharmed() -> Iterator[None]:
    before, known, start = memory("VmRSS"), children(), sum(os.times()[:4])
    Path("/proc/self/clear_refs").write_text("5")
    yield
    assert sum(os.times()[:4]) - start < SECONDS
    assert memory("VmHWM") - before < PARENT
    assert children() == known


@pytest.mark.parametrize(
    ("bomb", "why"),
    [
        pytest.param(far_cell, "row 1,048,576|too large or damaged", id="far cell"),
        pytest.param(tiny_rows, "row 1,000,001; 20,000 rows are the most", id="f2 tiny rows"),
        pytest.param(ratio_bomb, "unpacks to 40 MB", id="ratio"),
        pytest.param(inflated_bomb, "unpacks to 60 MB", id="inflated"),
        pytest.param(lambda: laughs("sheet"), "too large or damaged", id="laughs in the sheet"),
        pytest.param(lambda: laughs("texts"), "too large or damaged", id="laughs in the texts"),
        pytest.param(one_long_text_many_times, "too large or damaged", id="one text many times"),
    ],
)
def test_f1_f2_a_bomb_costs_neither_time_nor_memory(bomb: Callable[[], bytes], why: str) -> None:
    data = bomb()
    with unharmed(), pytest.raises(UnreadableSheet, match=why):
        read_sheet(data, COLUMNS)


def test_f1_the_measure_itself_sees_memory_and_children() -> None:
    with pytest.raises(AssertionError), unharmed():
        assert len(bytearray(2 * PARENT))
    with pytest.raises(AssertionError), unharmed():
        pid = os.posix_spawn("/bin/true", ["true"], {})
    os.waitpid(pid, 0)


def test_f1_the_far_cell_is_a_small_file() -> None:
    assert len(far_cell()) < 5_000


def test_f2_20_000_rows_are_read_and_20_001_are_counted() -> None:
    rows = "".join(f"<row><c><v>{i}</v></c></row>" for i in range(20_000))
    assert len(read_sheet(by_hand(HEAD + rows), COLUMNS).rows) == 20_000
    more = by_hand(HEAD + rows + "<row><c><v>7</v></c></row>")
    assert "20,001 rows; 20,000 are the most" in refusal(more)
    assert len(read_sheet(more, COLUMNS, limits=replace(LIMITS, rows=20_001)).rows) == 20_001


def test_f1_blank_rows_do_not_count() -> None:
    assert len(read_sheet(a_workbook({"A2": "Ann", "A20009": "Bob"}), COLUMNS).rows) == 2


def test_f1_a_65th_column_is_refused() -> None:
    assert "goes to column 65; 64 columns" in refusal(a_workbook({"A2": "Ann", "BM3": "x"}))
    with pytest.raises(SheetErrors, match="BL1"):
        read_sheet(a_workbook({"A1": "Name", "BL1": "Zodiac"}), COLUMNS)


def test_f1_the_ratio_and_the_size_are_each_a_guard() -> None:
    assert "unpacks to 40 MB" in refusal(ratio_bomb())
    assert read_sheet(ratio_bomb(), COLUMNS, limits=replace(LIMITS, ratio=10**4)).rows == []
    assert "unpacks to 60 MB" in refusal(inflated_bomb(), ratio=10**4)
    open_wide = replace(LIMITS, ratio=10**4, inflated=100 * MB)
    assert read_sheet(inflated_bomb(), COLUMNS, limits=open_wide).rows == []


def test_f1_the_cap_on_text_is_what_refuses_a_long_answer() -> None:
    data = write_sheet((NAME,), [{"Name": f"{i} {'x' * 1000}"} for i in range(200)])
    assert "too much text" in refusal(data, text=100_000)
    assert len(read_sheet(data, (NAME,)).rows) == 200


def test_f1_size_and_members_are_capped() -> None:
    assert "larger than 10 MB" in refusal(b"PK" + bytes(10 * MB))
    data = packed({**SKELETON, SHEET: rows_of(HEAD), **{f"n{i}": "" for i in range(58)}})
    assert "more than 64 parts" in refusal(data)
    assert read_sheet(data, COLUMNS, limits=replace(LIMITS, members=65)).rows == []


def test_f1_a_huge_directory_is_refused_before_it_is_read() -> None:
    data = packed({**SKELETON, SHEET: rows_of(HEAD), **{f"{i:x}": "" for i in range(60_000)}})
    assert len(data) < 10 * MB
    with unharmed():
        assert "more than 64 parts" in refusal(data)


def patched(data: bytes, name: str, offset: int, value: int) -> bytes:
    """Four bytes of the directory's entry of that member: 20 packed size, 24 size, 42 place."""
    at = data.rindex(b"PK\x01\x02", 0, data.rindex(name.encode())) + offset
    return data[:at] + value.to_bytes(4, "little") + data[at + 4 :]


GOOD = by_hand(HEAD + "<row><c t='str'><v>Ann</v></c></row>")


def entry(name: str) -> tuple[int, int, int]:
    info = ZipFile(BytesIO(GOOD)).getinfo(name)
    return info.header_offset, info.compress_size, info.file_size


def test_f1_the_untouched_file_is_good() -> None:
    assert [row.cells["Name"] for row in read_sheet(GOOD, COLUMNS).rows] == ["Ann"]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(patched(GOOD, "xl/styles.xml", 42, entry(SHEET)[0]), id="same place twice"),
        pytest.param(patched(GOOD, "_rels/.rels", 20, entry("_rels/.rels")[1] + 99), id="overlap"),
        pytest.param(patched(GOOD, SHEET, 24, entry(SHEET)[2] - 9), id="says less than it holds"),
        pytest.param(patched(GOOD, SHEET, 24, entry(SHEET)[2] + 9), id="says more than it holds"),
        pytest.param(patched(GOOD, SHEET, 20, entry(SHEET)[1] - 9), id="cut off within"),
        pytest.param(patched(GOOD, SHEET, 42, 0x7FFFFFFF), id="place beyond the end"),
        pytest.param(GOOD[:-30], id="truncated"),
        pytest.param(GOOD[: len(GOOD) // 2], id="half"),
        pytest.param(GOOD + b"appended", id="something appended"),
        pytest.param(b"PK", id="two bytes"),
    ],
)
def test_f1_a_lying_archive_is_refused_before_the_parser_sees_it(
    data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parsing, "CHILD", Path("/nonexistent"))
    assert refusal(data) == DAMAGED


def test_f1_one_member_under_two_names_is_refused() -> None:
    """CVE-2024-0450: both are sound, only the overlap gives them away."""
    data = packed({**SKELETON, SHEET: rows_of(HEAD), "n1": "same", "n2": "same"})
    assert read_sheet(data, COLUMNS).rows == []
    place = ZipFile(BytesIO(data)).getinfo("n1").header_offset
    assert refusal(patched(data, "n2", 42, place)) == DAMAGED


def test_f1_nothing_hides_behind_the_end_of_a_packed_member() -> None:
    def around(inner: bytes) -> bytes:
        file = BytesIO(packed({**SKELETON, SHEET: rows_of(HEAD)}))
        with ZipFile(file, "a") as archive:
            archive.writestr("n", inner)
        return patched(patched(file.getvalue(), "n", 10, ZIP_DEFLATED), "n", 24, len("same"))

    squeeze = compressobj(wbits=-15)
    inner = squeeze.compress(b"same") + squeeze.flush()
    assert read_sheet(around(inner), COLUMNS).rows == []
    assert refusal(around(inner + b"hidden")) == DAMAGED


def test_f1_two_members_of_one_name_are_refused() -> None:
    twice = packed({**SKELETON, SHEET: rows_of(HEAD), "xl/Styles.xml": "<x/>"})
    assert refusal(twice) == DAMAGED


def test_f1_a_flipped_bit_is_harmless_or_refused() -> None:
    random, refused = Random(7), 0
    for _ in range(500):
        at = random.randrange(len(GOOD))
        flipped = bytes([GOOD[at] ^ (1 << random.randrange(8))])
        try:
            examine(GOOD[:at] + flipped + GOOD[at + 1 :], LIMITS)
        except UnreadableSheet:
            refused += 1
    assert refused > 100


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "is empty"),
        (b"Name,PIN\nAnn,0123\n", "text .such as .csv"),
        ("Größe;PIN\n".encode("latin-1"), "text .such as .csv"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "old .xls"),
        (b"\xd0\xcf\x11\xe0" + "EncryptedPackage".encode("utf-16-le"), "password"),
        (b"\x89PNG\r\n\x1a\n\0\0", "not an .xlsx"),
        (packed({"a.txt": "a"}), "not an .xlsx"),
        (packed({"mimetype": "x", "content.xml": "<x/>"}), "ods"),
        (packed({"xl/workbook.bin": "x"}), "xlsb"),
        (patched(GOOD, SHEET, 8, 1), "password"),
        (saved(Workbook()), "first sheet is empty"),
        (a_workbook({"A1": "Zodiac"}), "None of the first 10 rows"),
        (packed({**SKELETON, SHEET: "<worksheet"}), "damaged"),
    ],
)
def test_f1_other_files_are_told_what_to_do(data: bytes, why: str) -> None:
    with pytest.raises(UnreadableSheet, match=why):
        read_sheet(data, COLUMNS)


def test_f1_a_workbook_without_a_visible_sheet_is_refused() -> None:
    book = SKELETON["xl/workbook.xml"].replace("<sheet ", '<sheet state="hidden" ')
    data = packed({**SKELETON, SHEET: rows_of(HEAD), "xl/workbook.xml": book})
    assert "no visible sheet" in refusal(data)


def stand_in(folder: Path, program: str) -> Path:
    """A child that does something else; it finds the real one as `child`."""
    file = folder / "stand_in.py"
    here = repr(str(parsing.CHILD.parent))
    file.write_text(f"import sys; sys.path.insert(0, {here})\n{program}")
    return file


def test_f1_a_parser_that_hangs_is_ended_and_reaped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parsing, "CHILD", stand_in(tmp_path, "import time; time.sleep(60)"))
    with unharmed():
        assert refusal(GOOD, seconds=1) == GAVE_UP


def test_f1_the_child_inherits_no_secret_and_is_told_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEK_FILE", "/var/keys/kek")
    answer = "{'row': [*os.environ], 'column': 0, 'rows': sys.argv[1:]}"
    tell = f"import json, os; print(json.dumps({answer}))"
    monkeypatch.setattr(parsing, "CHILD", stand_in(tmp_path, tell))
    told = parsing.parse(GOOD, LIMITS)
    assert "KEK_FILE" not in str(told.row)
    assert [*told.rows] == ["rows", "20000", "64", "20000000", str(512 << 20), "20"]


def test_f1_the_child_confines_itself_and_leaves_no_core(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = (
        "import child, json, resource as r\n"
        "child.rows = lambda *_: {'row': 0, 'column': 0, 'rows': "
        "[r.getrlimit(limit) for limit in (r.RLIMIT_AS, r.RLIMIT_CPU, r.RLIMIT_CORE)]}\n"
        "child.main(*sys.argv[1:])"
    )
    monkeypatch.setattr(parsing, "CHILD", stand_in(tmp_path, program))
    limits = [[512 << 20, 512 << 20], [20, 20], [0, 0]]
    assert parsing.parse(GOOD, LIMITS).rows == limits


def test_f1_memory_is_what_ends_the_child() -> None:
    data = one_long_text_many_times(1000)
    assert "too much text" in refusal(data)
    assert refusal(data, memory=90 * MB) == GAVE_UP


def test_f1_ten_bombs_leave_nothing_behind() -> None:
    data = far_cell()
    refusal(data)
    before = memory("VmRSS")
    known = children()
    for _ in range(10):
        refusal(data)
    assert memory("VmRSS") - before < 5 * MB
    assert children() == known
