"""`gatehouse status`: the processes by their supervisor, the rest by the product itself."""

from collections.abc import Callable, Mapping
from datetime import timedelta

from psycopg import OperationalError
from rich.console import Console
from rich.table import Table

from config import Config
from supervision import Supervised, Supervisor

MEGABYTE = 2**20


def show(config: Config, ask: Callable[[], Mapping[str, object]]) -> None:
    """`ask` gives title -> {name: value} or one value; OperationalError without a database."""
    console = Console(highlight=False, markup=False)
    try:
        console.print(_processes(Supervisor(config).processes()))
    except OSError:
        console.print(f"nothing runs over {config.data}: `gatehouse up` starts it")
    try:
        for title, found in ask().items():
            console.print(_section(title, found))
    except OperationalError as error:
        console.print(f"the database cannot be reached: {str(error).splitlines()[0]}")


def _processes(processes: list[Supervised]) -> Table:
    table = Table("process", "state", "pid", "uptime", "memory", title_justify="left")
    for process in processes:
        table.add_row(
            process.name,
            process.state,
            str(process.pid or ""),
            str(timedelta(seconds=process.uptime)),
            f"{process.memory / MEGABYTE:.0f} MB",
        )
    return table


def _section(title: str, found: object) -> Table | str:
    if not isinstance(found, Mapping):
        return f"{title}: {found}"
    table = Table(title, "")
    for name, value in found.items():
        table.add_row(str(name), str(value))
    return table
