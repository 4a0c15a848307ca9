"""K10: lines that are cut, between the adapters and phones and between processes and PostgreSQL."""

import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from random import Random

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from config import Config, Database
from eventlog.embedded import EmbeddedServer
from tests.chaos.arena import an_arena
from tests.chaos.proxy import Line
from tests.chaos.result import Result
from tests.running.canary import timed
from tests.running.installation import MODELS, OURS, Installation
from tests.running_server import RunningServer

ROLES = {
    "owner": "DATABASE_URL",
    "append": "APPEND_DATABASE_URL",
    "read": "READ_DATABASE_URL",
    "project": "PROJECT_DATABASE_URL",
}


class Wired(Installation):
    """Reaches its phones and its PostgreSQL, which is another host's, by lines that can be cut."""

    def prepare(self) -> None:
        self.server = RunningServer(EmbeddedServer(self.folder / "pg"), self.folder / "pg.txt")
        self.server.start()
        self.direct = Database.embedded(self.server.server)
        self.roles = {role: Line(socket_of(self.direct.owner)) for role in ROLES}
        ports = range(self.phones.port, self.phones.port + len(MODELS))
        self.doors = [Line(("127.0.0.1", port)) for port in ports]
        self.phones.addresses = [f"http://127.0.0.1:{line.port}" for line in self.doors]

    def environment(self) -> dict[str, str]:
        urls = {
            name: by(getattr(self.direct, role), self.roles[role]) for role, name in ROLES.items()
        }
        return super().environment() | urls

    @cached_property
    def config(self) -> Config:
        """The auditor's own way to the database is never cut."""
        direct = {name: str(getattr(self.direct, role)) for role, name in ROLES.items()}
        with pytest.MonkeyPatch.context() as patch:
            for name in OURS:
                patch.delenv(name, raising=False)
            for name, value in (self.environment() | direct).items():
                patch.setenv(name, value)
            return Config.from_env()

    def stop(self) -> None:
        for line in (*self.roles.values(), *self.doors):
            line.heal()
        super().stop()
        for line in (*self.roles.values(), *self.doors):
            line.close()
        self.server.stop()


def socket_of(conninfo: str) -> str:
    given = conninfo_to_dict(conninfo)
    return str(Path(str(given["host"]), f".s.PGSQL.{given['port']}"))


def by(conninfo: str, line: Line) -> str:
    return make_conninfo(conninfo, host="127.0.0.1", port=line.port, sslmode="disable")


def cuts(running: Wired) -> Mapping[str, Sequence[Line]]:
    """Between whom a line may be cut."""
    roles = running.roles
    return {
        "one phone": running.doors[:1],
        "half of the phones": running.doors[::2],
        "all phones": running.doors,
        "web and PostgreSQL": [roles["append"], roles["read"]],
        "projector and PostgreSQL": [roles["project"]],
        "PostgreSQL": [*roles.values()],
    }


def cut_off(seconds: float, seed: int) -> Result:
    """In all pairs in turn, refused or silent, until the time is over."""
    result, random = Result(), Random(seed)
    with an_arena(Wired) as arena:
        assert isinstance(arena.running, Wired)
        pairs = list(cuts(arena.running).values())
        lasts = max(1.0, min(60.0, seconds / len(pairs) / 2))
        deadline = time.monotonic() + seconds
        with arena.at_work(result):
            while time.monotonic() < deadline or result.kills < len(pairs):
                lines = pairs[result.kills % len(pairs)]
                cut = random.choice((Line.refuse, Line.silence))
                for line in lines:
                    cut(line)
                time.sleep(lasts)
                for line in lines:
                    line.heal()
                result.kills += 1
                result.heals += timed(arena.canary.sing)
    result.note = f"cut for {lasts:.1f} s each"
    return result
