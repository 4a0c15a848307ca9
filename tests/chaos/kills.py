"""K1, K2, K3: processes that are killed, put to sleep, or gone for a while."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from xmlrpc.client import Fault, ServerProxy

import psycopg
from supervisor.xmlrpc import SupervisorTransport

from supervision import POSTGRES
from supervision import socket as supervisor_socket
from tests.chaos.arena import Arena, an_arena
from tests.chaos.result import Result
from tests.running.canary import VICTIMS, timed
from tests.running.installation import GATEHOUSE, Installation, until

SLEEPERS = ("adapters", "projector", "reactions")
LOST_ITS_DOORS = "another process speaks to these phones now"
BACK_SECONDS = 2.0  # SLO13: after PostgreSQL is there again


def kill_any(arena: Arena, seconds: float, seed: int) -> Result:
    """K1: bursts of random kills, the next one often before the last is healed."""
    result, random = Result(), Random(seed)
    deadline = time.monotonic() + seconds
    with arena.at_work(result):
        while time.monotonic() < deadline:
            for _ in range(random.randint(1, 5)):
                result.kills += strike(arena.running, random)
                time.sleep(random.expovariate(1.5))
            result.heals += timed(arena.canary.sing)
        until(arena.running.is_whole)
    return result


def strike(running: Installation, random: Random) -> int:
    """Somebody, the phones or everybody at once; how many died."""
    name = random.choice([*VICTIMS, "phones", "all"])
    if name == "phones":
        running.phones.power_cut()
        return 1
    victims = [child.pid for child in running.children().values()]
    if name != "all":
        with suppress(KeyError, IndexError):  # it is dead already
            victims = [VICTIMS[name](running)]
    for pid in victims:
        with suppress(ProcessLookupError):
            if pid:  # 0: supervisor has nobody there
                os.kill(pid, signal.SIGKILL)
    return len(victims)


def zombies(arena: Arena, seconds: float, seed: int) -> Result:
    """K2: one sleeps until another has taken its place, wakes, and finds its work taken."""
    result, share = Result(), seconds / len(SLEEPERS)
    with arena.at_work(result):
        for name in SLEEPERS:
            began = time.monotonic()
            pid = arena.running.children()[name].pid
            os.kill(pid, signal.SIGSTOP)
            try:
                with standby(arena.running, name):
                    result.heals += timed(arena.canary.sing)
                    time.sleep(max(0, share - (time.monotonic() - began)))
                    os.kill(pid, signal.SIGCONT)
                    result.heals += timed(arena.canary.sing)
                    result.kills += 1
            finally:
                os.kill(pid, signal.SIGCONT)
            result.heals += timed(arena.canary.sing)
    refused = (arena.running.data / "log" / "adapters.log").read_text().count(LOST_ITS_DOORS)
    result.note = f"doors that were found taken on waking: {refused}"
    if not refused:
        result.wrong.append("the adapters slept and lost nothing: nobody took over")
    return result


@contextmanager
def standby(running: Installation, name: str) -> Iterator[None]:
    """Another host's process of that kind, at the same database and with the same key."""
    database = running.config.database
    env = running.environment() | {
        "DATA": str(running.folder / "standby"),
        "KEK_FILE": str(running.config.kek_file),
        "DATABASE_URL": database.owner,
        "APPEND_DATABASE_URL": database.append,
        "READ_DATABASE_URL": database.read,
        "PROJECT_DATABASE_URL": database.project,
        "METRICS_PORT": str(running.port + 20),
    }
    Path(env["DATA"]).mkdir(exist_ok=True)
    with (running.folder / f"standby-{name}.txt").open("ab") as said:
        command = [GATEHOUSE, "run", name]
        process = subprocess.Popen(command, env=env, stdout=said, stderr=said)  # noqa: S603
        try:
            yield
        finally:
            process.terminate()
            process.wait(30)


def database_away(arena: Arena, seconds: float, seed: int) -> Result:
    """K3: PostgreSQL is gone for a while; nobody sees a 500, and all is back when it is."""
    result = Result()
    with arena.at_work(result):
        for _ in range(2):
            ask(arena.running, lambda proxy: proxy.supervisor.stopProcess(POSTGRES))
            result.kills += 1
            time.sleep(seconds / 2)
            ask(arena.running, lambda proxy: proxy.supervisor.startProcess(POSTGRES))
            until(lambda: is_there(arena.running))
            result.heals += timed(lambda: until(lambda: reads(arena)))
            arena.canary.sing()
    if (slowest := max(result.heals)) > BACK_SECONDS:
        result.wrong.append(f"reads were back {slowest:.1f} s after PostgreSQL")
    return result


def ask(running: Installation, what: Callable[[ServerProxy], object]) -> None:
    socket = supervisor_socket(running.config)
    transport = SupervisorTransport(None, None, f"unix://{socket}")
    with ServerProxy("http://localhost", transport=transport) as proxy, suppress(Fault):
        what(proxy)


def is_there(running: Installation) -> bool:
    try:
        psycopg.connect(running.config.database.read, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def reads(arena: Arena) -> bool:
    answer = arena.client.look("residents")
    return bool(answer and answer.is_success)


def alone(test: Callable[[Arena, float, int], Result]) -> Callable[[float, int], Result]:
    """In an arena of its own."""

    def run(seconds: float, seed: int) -> Result:
        with an_arena() as arena:
            return test(arena, seconds, seed)

    return run
