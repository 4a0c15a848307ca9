"""The map of the house holds: short files, every command handled, every event followed."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

import bootstrap
from commands.bus import COMMANDS, HANDLERS
from commands.reactions import REACTIONS
from device_adapters.sync import DoorSync
from domain.accounts import AccountOpened
from domain.kernel import EVENTS
from domain.reports import REPORTS
from eventlog.consumer import Consumer
from schemas.of import schema_of

ROOT = Path(bootstrap.__file__).parent.parent
PACKAGES = (
    "domain",
    "commands",
    "eventlog",
    "projections",
    "readapi",
    "device_adapters",
    "schemas",
)
SOURCES = [
    path
    for top in (*PACKAGES, "bootstrap", "tests", "bench")
    for path in sorted((ROOT / top).rglob("*.py"))
] + sorted(ROOT.glob("*.py"))
CODE = {path: path.read_text() for path in SOURCES}
LONGEST_FILE, LONGEST_FUNCTION = 400, 40
SAYING_NOTHING = {"utils", "util", "helpers", "helper", "common", "base", "misc"}
MODULES = {
    "accounts",
    "settings",
    "apartments",
    "residents",
    "access_groups",
    "visitors",
    "staff",
    "parking",
    "library",
    "messages",
    "devices",
    "locks",
    "bookings",
    "logs",
    "alarms",
    "dashboard",
    "emergency",
    "sync",
    "relay_schedules",
    "maintenance",
    "intercom",
}
FRAMES = {  # what a folder has beside the modules of the product
    "domain": {"capabilities", "faces", "ids", "kernel", "lifts", "record", "reports", "rights"},
    "commands": {"bus", "http", "ingest", "reactions"},
    "projections": {"projector", "listing", "runner"},
    "readapi": {"errors", "home", "identity", "metrics", "paging", "registry", "waiting"},
}


@cache
def trees() -> Mapping[Path, ast.Module]:
    """Not at import: each process that runs tests reads all files of tests."""
    return {path: ast.parse(code) for path, code in CODE.items()}


def functions() -> Iterator[tuple[Path, ast.FunctionDef]]:
    for path, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                yield path, node


def test_files_are_short() -> None:
    long = {str(path): n for path, c in CODE.items() if (n := len(c.splitlines())) > LONGEST_FILE}
    assert long == {}


def test_functions_are_short() -> None:
    lengths = {(str(p), f.name): (f.end_lineno or 0) - f.lineno + 1 for p, f in functions()}
    assert {where: n for where, n in lengths.items() if n > LONGEST_FUNCTION} == {}


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [path for path in SOURCES if path.stem in SAYING_NOTHING] == []


@pytest.mark.parametrize("folder", FRAMES)
def test_a_module_has_one_name_in_every_folder(folder: str) -> None:
    found = {path.stem for path in (ROOT / folder).iterdir() if path.suffix == ".py"}
    found |= {path.parent.name for path in (ROOT / folder).glob("*/__init__.py")}
    assert found - {"__init__"} - FRAMES[folder] <= MODULES


def test_every_command_has_a_handler_a_schema_and_a_sentence_with_its_rule() -> None:
    for cls in COMMANDS.values():
        assert cls in HANDLERS, cls
        assert schema_of(cls), cls
        assert re.search(r"\([MAN]\d+.*\)\.", str(cls.__doc__)), cls


def consumers() -> list[type[Consumer]]:
    return [DoorSync, *bootstrap.read_models()]


def test_no_event_is_an_orphan() -> None:
    followed = {kind for consumer in consumers() for kind in consumer.handlers} | REACTIONS.keys()
    assert {*EVENTS.values(), *REPORTS.values()} - followed == set()
    assert AccountOpened in followed


def test_read_models_have_names_that_do_not_run_into_each_other() -> None:
    """The runner finds a model's tables by its name (projections/runner.py)."""
    names = [model.name for model in bootstrap.read_models()]
    assert len(names) == len(set(names))
    assert [(a, b) for a in names for b in names if b.startswith(f"{a}_")] == []


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node.func.attr, node


def test_t6_no_rule_asks_for_the_time() -> None:
    """Time comes from a clock that is handed in; nothing below commands reads one."""
    asked = [
        str(path)
        for path, tree in trees().items()
        if path.parts[len(ROOT.parts)] in ("domain", "commands", "projections")
        for name, _ in calls(tree)
        if name in ("now", "utcnow", "today") and path.name != "bus.py"
    ]
    assert asked == []
    naive = [
        f"{path}:{call.lineno}"
        for path, tree in trees().items()
        for name, call in calls(tree)
        if name in ("utcnow", "utcfromtimestamp")
        or (name == "now" and ast.unparse(call) == "datetime.now()")
    ]
    assert naive == []


def test_t6_every_time_that_is_stored_has_a_zone() -> None:
    """timestamptz in every table, and microseconds of UTC on the stream."""
    statements = {path: path.read_text() for path in sorted((ROOT / "eventlog").glob("*.sql"))}
    statements |= {
        p: c for p, c in CODE.items() if "create table" in c and p.parent.name != "tests"
    }
    zoneless = re.compile(r"[ :]timestamp\b(?! with time zone)", re.IGNORECASE)
    assert [path for path, text in statements.items() if zoneless.search(text)] == []
    assert zoneless.search("at timestamp not null")
    shapes = sorted((ROOT / "schemas" / "avro").glob("*.avsc"))
    assert [p for p in shapes if re.search("local-timestamp|timestamp-millis", p.read_text())] == []
    assert any("timestamp-micros" in path.read_text() for path in shapes)


def test_s15_no_statement_is_glued_together() -> None:
    """SQL with a value or a name in it is composed by psycopg.sql or by parameters."""
    glued = [
        f"{path}:{call.lineno}"
        for path, tree in trees().items()
        if path.parts[len(ROOT.parts)] != "tests"
        for name, call in calls(tree)
        if name in ("execute", "executemany") and call.args
        if isinstance(call.args[0], ast.JoinedStr | ast.BinOp)
    ]
    assert glued == []


def test_every_rule_of_the_first_issue_is_proved_by_number() -> None:
    """`pytest -k m28` finds the proof of M28."""
    asked = (
        "m9 m10 m12 m13 m14 m16 m17 m18 m22 m23 m28 m29 m37 m38 m42 m43 m44 m65 m84 m85 m92 m93"
        " m94 m99 m100 m101 m113 m115 m116 m130 m131 a3 a5 a6 a8 a20 a21 a22 a30 a31 a32 a44 a49"
        " e1 e2 e4 e5 e6 e8 e10 d1 d2 d3 d5 d6 d9 d10 d11 f1 f2 f5 s5 s8 s9 s10 n12 n17"
        " s1 s2 s3 s4 s6 s7 s11 s12 s13 s14 s15 s16 s19 s22 s23 s24"
        " m118 a28 a58 n16 d13 d14"
        " t1 t2 t3 t4 t5 t6 d4 d7 d8 d12 d15"
        " m27 m32 m33 m34 m35 m36 m80 m102 m128 a9 a10 a11 a12 f4"
    )
    proved = defaultdict(list)
    for path, function in functions():
        if path.parts[len(ROOT.parts)] == "tests" and function.name.startswith("test_"):
            said = f"{function.name} {ast.get_docstring(function) or ''}".lower()
            for number in set(re.findall(r"(?<![a-z0-9])[maetdsfn]\d+", said.replace("_", " "))):
                proved[number].append(function.name)
    assert [number for number in asked.split() if number not in proved] == []
