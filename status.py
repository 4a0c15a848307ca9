"""`gatehouse status`: the processes by their supervisor, the rest by the product itself."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, LiteralString

import psycopg
from psycopg import OperationalError
from psycopg.rows import dict_row
from rich.console import Console
from rich.table import Table

from config import Config
from supervision import Supervised, Supervisor

MEGABYTE = 2**20
HEADS: Mapping[str, LiteralString] = {
    "events": "select coalesce(max(position), 0) as head from log.events",
    "reports": "select coalesce(max(position), 0) as head from log.reports",
}
RELAYED: LiteralString = """
    select substr(name, 7) as log, position from doors.positions
    where name like 'relay-%' order by name
"""
BY_POSITION = {"adapters": "events", "reactions": "reports"}
LANES: LiteralString = """
    select count(*) filter (where online) as online, count(*) filter (where not online) as offline,
        count(*) filter (where online is null) as "not reached yet",
        coalesce(sum(waiting), 0) as "changes waiting",
        coalesce(sum(revocations), 0) as "of which revocations",
        coalesce(sum(suspended), 0) as suspended,
        coalesce(to_char(min(waiting_since), 'YYYY-MM-DD HH24:MI:SS'), '-') as "waiting since"
    from doors.lanes
"""


def show(config: Config, ask: Callable[[], Mapping[str, object]]) -> bool:
    """Whether it runs. `ask` gives title -> {name: value} or one value; OperationalError without
    a database.
    """
    console, runs = Console(highlight=False, markup=False), True
    try:
        console.print(_processes(Supervisor(config).processes()))
    except OSError:
        console.print(f"nothing runs over {config.data}: `gatehouse up` starts it")
        runs = False
    try:
        for title, found in ask().items():
            console.print(_section(title, found))
    except OperationalError as error:
        console.print(f"the database cannot be reached: {str(error).splitlines()[0]}")
        runs = False
    return runs


def _processes(processes: list[Supervised]) -> Table:
    table = Table("process", "state", "pid", "uptime", "memory", title_justify="left")
    for process in processes:
        table.add_row(
            process.name,
            process.state,
            str(process.pid or ""),
            str(timedelta(seconds=process.uptime)),
            f"{process.memory() / MEGABYTE:.0f} MB",
        )
    return table


def _section(title: str, found: object) -> Table | str:
    if not isinstance(found, Mapping):
        return f"{title}: {found}"
    table = Table(title, "")
    for name, value in found.items():
        table.add_row(str(name), str(value))
    return table


def figures(conninfo: str, follows: Mapping[str, str]) -> dict[str, object]:
    """How far everything is. `follows`: the log of each read model, by name."""
    with psycopg.connect(conninfo, connect_timeout=2, row_factory=dict_row) as db:
        heads = {name: position_of(db, statement) for name, statement in HEADS.items()}
        models = {
            row["name"]: standing(row["position"], heads[follows[row["name"]]], row["failed"])
            for row in db.execute("select * from read.positions order by name")
            if row["name"] in follows
        }
        followed = {row["name"]: row for row in db.execute("select * from doors.positions")}
        relayed = {
            row["log"]: standing(row["position"], heads[row["log"]], None)
            for row in db.execute(RELAYED)
        }
        phones = db.execute(LANES).fetchone() or {}
    told = {name: begun(followed.get(name), heads[log]) for name, log in BY_POSITION.items()}
    stream: dict[str, object] = {"published to Kafka": relayed} if relayed else {}
    doors = {**told, **phones}
    return {"logs": heads, "read models": models, **stream, "phones and locks": doors}


def begun(row: Mapping[str, Any] | None, head: int) -> str:
    return standing(row["position"], head, None) if row else "not begun"


def position_of(db: psycopg.Connection[dict[str, Any]], statement: LiteralString) -> int:
    row = db.execute(statement).fetchone()
    return int(row["head"]) if row else 0


def standing(position: int, head: int, failed: str | None) -> str:
    return f"stopped: {failed}" if failed else f"{position} ({max(0, head - position)} behind)"
