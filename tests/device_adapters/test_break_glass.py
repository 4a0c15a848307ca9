"""D14: doors are opened from a host's last snapshot while PostgreSQL is away; nothing is lost."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from stat import S_IMODE
from time import sleep
from typing import Any
from uuid import uuid4

import pytest

from device_adapters.emergency import glass, snapshot, spool
from device_adapters.emergency.book import Book
from device_adapters.emergency.glass import Ask, Unclear
from device_adapters.emergency.keeper import Keeper
from device_adapters.emergency.snapshot import NoSnapshot
from domain.devices import Box, Login
from domain.emergency import LockOrdered, Order, OrderId, UnlockOrdered, emergency_of
from eventlog.sealing import Master
from tests.builders import GYM, HARBOUR, a_community, a_device
from tests.device_adapters.emergencies import KEK, QUICK, Scene, a_scene, connecting
from tests.device_adapters.houses import device_id, registered, soon

ASK = Ask(open=True, community=None, everything=True, by="break-glass ann@host", wait=10)
PASSWORD = "s3cret-of-the-phone"


def give(scene: Scene, ask: Ask = ASK) -> tuple[bool, str]:
    """Whether all is so, and what was said."""
    said = list[str]()
    known = snapshot.read(scene.folder, KEK)
    done = glass.give(ask, known, scene.folder, connecting, said.append, QUICK)
    return done, "\n".join(said)


def written(scene: Scene) -> None:
    """A snapshot is there, and the process that wrote it is not."""
    with scene.service():
        soon((scene.folder / snapshot.NAME).exists)


def waiting(scene: Scene) -> list[Path]:
    return list((scene.folder / spool.NAME).glob("*"))


# The snapshot


def test_d14_a_snapshot_opens_with_the_master_key_alone(tmp_path: Path) -> None:
    login = Login(user="admin", password=PASSWORD)
    box = Box(mac="0C11050000AA", model="E18", firmware="1", address="http://127.0.0.1:8999")
    with a_scene(["X916"], tmp_path, running=False) as scene:
        scene.happen(a_device(GYM, box=box, login=login))
        written(scene)
    file = tmp_path / snapshot.NAME
    assert S_IMODE(file.stat().st_mode) == 0o600
    assert PASSWORD.encode() not in file.read_bytes()
    assert box.address.encode() not in file.read_bytes()
    [home] = snapshot.read(tmp_path, KEK).communities
    assert {device.login for device in home.devices} == {None, login}
    assert PASSWORD not in repr(snapshot.read(tmp_path, KEK))
    for spoiled in (file.read_bytes()[:-1], b"", file.read_bytes()[:20] + b"x" * 200):
        file.write_bytes(spoiled)
        with pytest.raises(NoSnapshot):
            snapshot.read(tmp_path, KEK)


def test_d14_not_with_another_key_and_not_without_one(tmp_path: Path) -> None:
    with a_scene(["X916"], tmp_path, running=False) as scene:
        written(scene)
    with pytest.raises(NoSnapshot, match="KEK_FILE"):
        snapshot.read(tmp_path, Master(bytes(32)))
    with pytest.raises(NoSnapshot, match="not there"):
        snapshot.read(tmp_path / "elsewhere", KEK)


def test_d14_it_follows_what_is_changed(tmp_path: Path) -> None:
    with a_scene(["X916", "E18"], tmp_path) as scene:
        soon((tmp_path / snapshot.NAME).exists)
        scene.happen(a_device(GYM))
        soon(lambda: len(snapshot.read(tmp_path, KEK).communities[0].devices) == 3)


# Breaking the glass


def test_d14_doors_open_without_the_log_and_the_log_hears_of_it_once(tmp_path: Path) -> None:
    with a_scene(["X916", "E18", "R29"], tmp_path, running=False) as scene:
        written(scene)
        scene.fleet[2].unplug()
        done, said = give(scene, replace(ASK, wait=1.5))
        assert not done
        assert scene.all_open(0, 1)
        assert "6 of 9 doors are open" in said
        assert "NOT OPEN: Door 2 1 (offline: nothing answers at its address)" in said
        assert [S_IMODE(file.stat().st_mode) for file in waiting(scene)] == [0o600]
        assert scene.events(UnlockOrdered) == []
        scene.fleet[2].plug_in()
        with scene.service():
            soon(lambda: scene.all_open(0, 1, 2))
            soon(lambda: scene.told(0, 1, 2, opened=True, word="verified"))
            soon(lambda: waiting(scene) == [])
        [order] = scene.events(UnlockOrdered)
        assert (order.cause, order.doors) == ("break_glass", None)
        [r] = [r for r in scene.log.read(after=0) if isinstance(r.event, UnlockOrdered)]
        assert r.actor == "break-glass ann@host"
        offline = [one for one in scene.results(2) if one.state == "offline"]
        assert len(offline) == 3  # also what went wrong


def test_d14_phones_that_ask_for_a_password_are_opened_with_that_of_the_snapshot(
    tmp_path: Path,
) -> None:
    login = Login(user="admin", password=PASSWORD)
    with a_scene(["X916", "S532"], tmp_path, running=False, login=login) as scene:
        written(scene)
        done, said = give(scene)
        assert done, said
        assert scene.all_open(0, 1)
        [file] = waiting(scene)
        assert PASSWORD not in said + file.read_text()


def test_d14_while_postgresql_is_away_this_host_goes_on_with_it(tmp_path: Path) -> None:
    """The adapters run, have no lease any more, and take up what was ordered here."""
    with a_scene(["X916", "E18"], tmp_path) as scene:
        soon((tmp_path / snapshot.NAME).exists)
        scene.followed.away, scene.ours = True, False
        scene.fleet[1].unplug()
        done, _ = give(scene, replace(ASK, wait=0.3))
        assert not done
        scene.fleet[1].plug_in()
        soon(lambda: scene.all_open(0, 1))
        scene.fleet[0].do(lambda phone: phone.reboot())
        soon(lambda: scene.all_open(0, 1), 15)
        assert scene.events(UnlockOrdered) == []
        give(scene, replace(ASK, open=False))
        soon(lambda: not scene.open_relays(0) | scene.open_relays(1))
        scene.followed.away, scene.ours = False, True
        soon(lambda: waiting(scene) == [])
        kinds = [type(r.event) for r in scene.log.read(after=0)]
        assert [kind for kind in kinds if kind in (UnlockOrdered, LockOrdered)] == [
            UnlockOrdered,
            LockOrdered,
        ]
        soon(lambda: scene.told(0, 1, opened=False, word="verified"))
        soon(lambda: not scene.open_relays(0) | scene.open_relays(1))


def test_d14_what_was_imported_before_a_crash_is_not_imported_again(tmp_path: Path) -> None:
    with a_scene(["E18"], tmp_path, running=False) as scene:
        written(scene)
        give(scene)
        [file] = waiting(scene)
        kept = file.read_bytes()
        with scene.service():
            soon(lambda: waiting(scene) == [])
        file.write_bytes(kept)  # as if it had died before it removed the file
        with scene.service():
            soon(lambda: waiting(scene) == [])
        assert len(scene.events(UnlockOrdered)) == 1
        assert len([one for one in scene.results(0) if one.reason is None]) == 2


def test_d14_an_order_that_came_later_holds_whenever_the_older_is_imported(
    tmp_path: Path,
) -> None:
    """Somebody locks in the portal before this host's unlock is in the log."""
    with a_scene(["E18"], tmp_path, running=False) as scene:
        written(scene)
        give(scene)
        assert scene.all_open(0)
        [file] = waiting(scene)
        later = json.loads(file.read_bytes().split(b"\n")[0])["generation"] + 1
        lock = LockOrdered(
            emergency=emergency_of(HARBOUR),
            order=OrderId(uuid4()),
            generation=later,
            doors=None,
            cause="manual",
            given_at=datetime.now(UTC),
        )
        scene.happen(lock)
        with scene.service():
            soon(lambda: waiting(scene) == [])
            soon(lambda: scene.told(0, opened=False, word="verified"))
        assert not scene.open_relays(0)
        assert len(scene.events(UnlockOrdered)) == 1


def test_d14_a_lock_given_here_holds_against_what_was_ordered_before(tmp_path: Path) -> None:
    with a_scene(["E18"], tmp_path) as scene:
        scene.unlock()
        soon(lambda: scene.told(0, opened=True, word="verified"))
        soon((tmp_path / snapshot.NAME).exists)
        soon(lambda: snapshot.read(tmp_path, KEK).communities[0].last)
        scene.followed.away = True
        done, _ = give(scene, replace(ASK, open=False))
        assert done
        scene.followed.away = False
        soon(lambda: waiting(scene) == [])
        soon(lambda: not scene.open_relays(0))
        sleep(0.5)  # nobody opens it again
        assert not scene.open_relays(0)


@pytest.mark.parametrize("at_another_host", [True, False])
def test_d14_whoever_held_doors_open_looks_himself_whether_they_are_locked(
    tmp_path: Path, at_another_host: bool
) -> None:
    """They were locked and read back by one who broke the glass, and a hand that did not know yet
    has opened them once more.
    """
    with a_scene(["E18"], tmp_path) as scene:
        scene.unlock()
        soon(lambda: scene.told(0, opened=True, word="verified"))
        [unlock] = scene.events(UnlockOrdered)
        order = Order(id=OrderId(uuid4()), generation=unlock.generation + 1, open=False, doors=None)
        ann = "break-glass ann@host"
        given = spool.Given(community=HARBOUR, order=order, by=ann, given_at=datetime.now(UTC))
        results = [replace(one, **read_back_locked(order)) for one in scene.results(0)]
        scene.followed.away = not at_another_host
        elsewhere = tmp_path / "another host" if at_another_host else tmp_path
        with spool.Entry(elsewhere / spool.NAME, given) as entry:
            for result in results:
                entry.add(result)
        if at_another_host:
            keeper = Keeper(elsewhere, KEK, Book(), scene.dispatch)
            [found] = spool.spooled(elsewhere / spool.NAME)
            keeper._import(found)
        soon(lambda: not scene.open_relays(0))


def read_back_locked(order: Order) -> dict[str, Any]:
    """By a host whose clock is ahead."""
    return {
        "order": order.id,
        "generation": order.generation,
        "open": False,
        "shown": False,
        "at": datetime.now(UTC) + timedelta(minutes=1),
    }


# Who asks for what


def test_d14_doors_by_name_and_by_id(tmp_path: Path) -> None:
    with a_scene(["X916", "E18"], tmp_path, running=False) as scene:
        written(scene)
        done, said = give(scene, replace(ASK, everything=False, doors=("door 0:2", "Door 1 2")))
        assert done, said
        assert (scene.open_relays(0), scene.open_relays(1)) == ({2}, {2})
        give(scene, replace(ASK, everything=False, doors=(str(device_id(1)),)))
        assert scene.open_relays(1) == {1, 2}
        with pytest.raises(Unclear, match=r"no door is called Attic; there are\n.* Door 0"):
            give(scene, replace(ASK, everything=False, doors=("Attic",)))


def test_d14_of_several_communities_one_is_said(tmp_path: Path) -> None:
    with a_scene(["X916", "E18"], tmp_path, running=False) as scene:
        other = replace(a_community(home=HARBOUR), name="Annex")
        scene.elsewhere(other, registered(1, scene.fleet[1]))
        written(scene)
        with pytest.raises(Unclear, match="Harbour Quarter"):
            give(scene)
        give(scene, replace(ASK, community="annex"))
        assert (scene.open_relays(0), scene.all_open(1)) == (set(), True)


def test_d10_d14_another_box_is_not_opened(tmp_path: Path) -> None:
    with a_scene(["E18"], tmp_path, running=False) as scene:
        written(scene)
        scene.fleet[0].fault("other_mac", mac="0C1105FFFFFF")
        done, said = give(scene, replace(ASK, wait=1))
        assert not done
        assert "FAILED" in said
        assert scene.open_relays(0) == set()


# The file of an order


def test_d14_a_torn_line_is_left_out_and_a_torn_order_was_never_begun(tmp_path: Path) -> None:
    with a_scene(["E18"], tmp_path, running=False) as scene:
        written(scene)
        give(scene)
        [file] = waiting(scene)
        whole = file.read_bytes()
        file.write_bytes(whole + b'{"device": "torn')
        torn = file.with_name(f"1-x{spool.ENDING}")
        torn.write_bytes(whole[:30])
        wrong = file.with_name(f"2-x{spool.ENDING}")
        wrong.write_bytes(b'{"order": 1}\n')
        [found] = spool.spooled(file.parent)
        assert len(found.results) == 2
        assert sorted(waiting(scene)) == sorted([file, torn, wrong.with_suffix(".unreadable")])


def test_d14_while_somebody_is_about_it_nobody_else_is(tmp_path: Path) -> None:
    """And when he dies in the middle, the adapters go on with it."""
    with a_scene(["E18"], tmp_path) as scene:
        soon((tmp_path / snapshot.NAME).exists)
        known = snapshot.read(tmp_path, KEK)
        order = glass.order_of(ASK, known.communities[0], tmp_path / spool.NAME)
        given = spool.Given(
            community=HARBOUR, order=order, by="break-glass ann@host", given_at=datetime.now(UTC)
        )
        with spool.Entry(tmp_path / spool.NAME, given):
            [found] = spool.spooled(tmp_path / spool.NAME)
            assert found.busy
            with pytest.raises(AssertionError):
                soon(lambda: scene.open_relays(0), 0.7)
        soon(lambda: scene.all_open(0))
        soon(lambda: len(scene.events(UnlockOrdered)) == 1)


# As an operator types it


def test_d14_the_command_with_postgresql_down(tmp_path: Path) -> None:
    """`python -m device_adapters.emergency`: there is no PostgreSQL at all in this test."""
    with a_scene(["X916", "E18"], tmp_path / "emergency", running=False) as scene:
        written(scene)
        keys = tmp_path / "keys" / "kek"
        keys.parent.mkdir()
        keys.write_bytes(b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n")
        keys.chmod(0o600)
        status = command(tmp_path, "status")
        assert status.returncode == 0, status.stderr
        assert "Harbour Quarter" in status.stdout
        assert scene.fleet[0].url in status.stdout
        unlocked = command(tmp_path, "unlock", "--all", "--wait", "30")
        assert unlocked.returncode == 0, unlocked.stderr
        assert scene.all_open(0, 1)
        assert "6 of 6 doors are open." in unlocked.stdout
        locked = command(tmp_path, "lock", "--door", "Door 1")
        assert locked.returncode == 0, locked.stderr
        assert (scene.all_open(0), scene.open_relays(1)) == (True, set())
        assert "2 orders wait" in command(tmp_path, "status").stdout
        unknown = command(tmp_path, "unlock", "--door", "Attic")
        assert (unknown.returncode, unknown.stdout.count("\n")) == (2, 1)
        assert len(waiting(scene)) == 2
        keys.unlink()
        assert command(tmp_path, "unlock", "--all").returncode == 2


def command(data: Path, *args: str) -> subprocess.CompletedProcess[str]:
    environment: Mapping[str, Any] = {
        "PATH": os.environ["PATH"],
        "DATA": str(data),
        "DEVICE_PACE": "0",
    }
    return subprocess.run(  # noqa: S603
        [sys.executable, "-m", "device_adapters.emergency", *args],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
