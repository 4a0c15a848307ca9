"""K1: whichever process of the running system is killed, nothing is lost and nobody helps.

`pytest -s tests/running/test_kills.py` prints how long each took to heal.
"""

import os
import signal
from dataclasses import dataclass, field
from typing import Any

import psutil
import pytest
from psycopg import Connection

from bootstrap import read_models
from eventlog.chain import links, verify
from projections.projector import Projector
from projections.runner import LIVE
from tests.read_models import contents, tables
from tests.running.canary import VICTIMS, Canary, timed
from tests.running.clients import Client, a_client, busy_clients
from tests.running.history import History, counts
from tests.running.installation import Installation, shown, until
from tests.running.ledger import Ledger
from tests.running.verdict import converge, missaid, unborne

CLIENTS = 4
BREATH_SECONDS = 0.15  # several houses share two cores while the tests begin
QUIET = {"alarms", "door_log", "door_sensors"}  # nobody tampers, stands at a door or opens one


@dataclass
class Story:
    """What happened."""

    heals: dict[str, list[float]] = field(default_factory=dict)
    kills: int = 0
    clients: list[Client] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    unhealed: list[str] = field(default_factory=list)


def lives(process: psutil.Process) -> bool:
    """One that is dead and not yet reaped, by an init of its own pace, holds nothing."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture(scope="module")
def story(running: Installation, history: History, ledger: Ledger) -> Story:
    """Four clients at work while everything is killed, in turn and then in one go."""
    story = Story()
    with a_client(running, history, seed=99) as client:
        canary = Canary(running, client)
        story.heals["nothing"] = timed(canary.sing)
        with busy_clients(running, history, CLIENTS, breath=BREATH_SECONDS) as clients:
            story.clients = [client, *clients]
            for name, victim in VICTIMS.items():
                kill(story, name, victim(running), running, canary)
            story.kills += 1
            story.heals["phones"] = timed(running.phones.power_cut, canary.sing)
            storm(story, running, canary)
        story.unhealed = converge(running, ledger) + missaid(client, ledger)
    tell(story, history)
    return story


def kill(story: Story, name: str, pid: int, running: Installation, canary: Canary) -> None:
    story.kills += 1
    family = psutil.Process(pid).children(recursive=True)
    os.kill(pid, signal.SIGKILL)
    story.heals[name] = timed(lambda: until(lambda: running.is_whole(without=pid)), canary.sing)
    story.orphans += [f"{name}: {child}" for child in family if lives(child)]


def storm(story: Story, running: Installation, canary: Canary) -> None:
    """Every child of the supervisor, whatever it is called, before the last one is back."""
    victims = [child.pid for child in running.children().values()]
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    story.kills += len(victims)
    story.heals["all at once"] = timed(lambda: until(running.is_whole), canary.sing)


def tell(story: Story, history: History) -> None:
    asked_again = sum(client.asked_again for client in story.clients)
    print(f"\n{story.kills} kills, {counts(history.lines())}, asked again {asked_again} times")
    print("s until it runs again, and until it works end to end:", story.heals)


def test_k1_all_heals_without_a_hand(story: Story, running: Installation) -> None:
    assert story.kills >= len(VICTIMS) + 5
    assert running.is_whole()


def test_k1_nobody_outlives_its_parent(story: Story) -> None:
    """A web worker that does keeps a listener from which it takes nothing."""
    assert story.orphans == []


def test_k3_nobody_got_a_500(story: Story) -> None:
    assert shown([offence for client in story.clients for offence in client.offences]) == ""


def test_k0_the_log_bears_out_what_clients_were_told(
    story: Story, running: Installation, history: History
) -> None:
    assert shown(unborne(running, history)) == ""
    told = counts(history.lines())
    assert told["unknown"] == 0
    assert told["ok"] > 150
    assert told["fail"] > 5  # collisions there were


def test_k0_the_chain_holds(story: Story, running: Installation) -> None:
    assert verify(links(running.config.database.read))


@pytest.mark.parametrize("kind", read_models(), ids=lambda kind: kind.name)
def test_k0_a_read_model_equals_its_rebuild(
    story: Story, running: Installation, kind: type[Projector]
) -> None:
    log = running.house.runner.logs[kind.follows]
    with running.house.project(LIVE) as db:
        until(lambda: stands_at(db, kind) == log.head())
        before = {table: contents(db, table) for table in tables(db, kind)}
        running.house.runner.rebuild(kind)
        assert {table: contents(db, table) for table in tables(db, kind)} == before
        assert any(before.values()) or kind.name in QUIET


def stands_at(db: "Connection[Any]", kind: type[Projector]) -> int:
    where = "select position from positions where name = %s"
    return int(db.execute(where, [kind.name]).fetchall()[0][0])


def test_k0_every_phone_holds_what_is_desired_and_is_said_to(story: Story) -> None:
    assert shown(story.unhealed) == ""


def test_a_the_claims_are_those_of_the_log(story: Story, running: Installation) -> None:
    audit = running.cli("audit", "claims")
    assert (audit.returncode, audit.stdout) == (0, "0 differences\n")
