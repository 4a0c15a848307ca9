"""From a fact in the log to rows on phones and back to facts, over real sockets."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, time
from time import monotonic, sleep
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from device_adapters.akuvox import wire
from device_adapters.simulator import PROFILES, Access, Fleet
from domain.access_groups import AccessGroupDeleted, AccessGroupEdited, Door, Schedule
from domain.devices import (
    DeviceEdited,
    DeviceMoved,
    DeviceRemoved,
    DeviceReplaced,
    Login,
    Outcome,
    Place,
    Relay,
)
from domain.ids import ResidentId
from domain.kernel import Event
from domain.residents import GroupsChosen, PinRevoked, ResidentDeleted
from tests.builders import (
    ANN,
    ANNEX,
    BOB,
    CLEO,
    EVERYBODY,
    SWIMMERS,
    TOWER,
    a_building,
    a_community,
    a_default_group,
    a_group,
    a_pin,
    a_resident,
    cards,
)
from tests.device_adapters.houses import QUICK, a_house, box_of, device_id, registered, soon
from tests.scenario import a_log

NIGHT = Schedule(repeat="daily", start=time(22), end=time(6))
MOVE = Schedule(
    repeat="never", first=date(2096, 3, 1), last=date(2096, 3, 4), start=time(12), end=time(13)
)
PEOPLE: tuple[Event, ...] = (
    a_resident(ANN, SWIMMERS),
    a_resident(BOB, SWIMMERS),
    a_resident(CLEO),
    a_pin("2468", ANN),
    cards(ANN, "A1B2C3", "00ff01"),
    a_pin("1357", BOB),
    a_pin("8642", CLEO),
)


def crowd(many: int, first: int = 10_000) -> Iterator[Event]:
    for n in range(first, first + many):
        yield a_resident(ResidentId(UUID(int=n)), SWIMMERS)
        yield a_pin(f"{n}", ResidentId(UUID(int=n)))


@pytest.mark.parametrize("when", [NIGHT, MOVE], ids=["night", "move"])
def test_s6_every_model_ends_with_exactly_the_desired_rows(when: Schedule) -> None:
    with Fleet(list(PROFILES)) as fleet, a_house(fleet, *PEOPLE, when=when) as house:
        everything = {(11, "pin"), (11, "card"), (12, "pin")}
        soon(lambda: all(house.now(n).keys() >= everything for n in range(len(fleet))))
        for n, model in enumerate(PROFILES):
            assert house.is_right(n)
            pin = "undeliverable" if model == "E12W" else "verified"
            assert house.now(n) == {(11, "pin"): pin, (11, "card"): "verified", (12, "pin"): pin}


def test_people_come_change_and_go() -> None:
    with Fleet(["X916", "E18"]) as fleet, a_house(fleet) as house:
        house.happen(*PEOPLE)
        soon(lambda: house.now(0).get((12, "pin")) == house.now(1).get((12, "pin")) == "verified")
        assert fleet[0].punch("2468").opened
        assert fleet[1].swipe("A1B2C3").opened
        assert not fleet[0].punch("8642").opened
        house.happen(a_pin("9999", ANN), PinRevoked(resident=BOB))
        house.happen(GroupsChosen(resident=CLEO, groups=frozenset({SWIMMERS})))
        soon(lambda: house.now(1) == {**house.now(1), (12, "pin"): "withdrawn"})
        soon(lambda: fleet[0].punch("8642").opened and fleet[0].punch("9999").opened)
        assert not fleet[0].punch("1357").opened
        house.happen(ResidentDeleted(resident=ANN), AccessGroupDeleted(group=SWIMMERS))
        soon(lambda: set(house.now(0).values()) == set(house.now(1).values()) == {"withdrawn"})
        assert not fleet[0].state()["users"]
        assert house.is_right(0)
        assert house.is_right(1)


def test_m17_other_hours_and_doors_of_a_group_reach_the_phones() -> None:
    with Fleet(["X916", "X916"]) as fleet, a_house(fleet, *PEOPLE) as house:
        soon(lambda: house.now(1).get((12, "pin")) == "verified")
        before = house.outcomes(1)
        only = frozenset({Door(device=device_id(0), relay=2)})
        house.happen(AccessGroupEdited(group=SWIMMERS, name="Swimmers", schedule=NIGHT, doors=only))
        soon(lambda: set(house.now(1).values()) == {"withdrawn"} and house.is_right(0))
        assert {row["ScheduleRelay"] for row in fleet[0].phone.users} == {"1003-2,1004-2"}
        house.happen(AccessGroupEdited(group=SWIMMERS, name="Swimmers", schedule=MOVE, doors=only))
        soon(lambda: house.is_right(0) and len(fleet[0].phone.schedules) == 2 + 3)
        assert len(house.outcomes(1)) == len(before) + 2 * 3  # in doubt, then withdrawn


def test_a30_a_phone_that_moves_into_the_public_area_gets_its_people() -> None:
    with Fleet(["X916"]) as fleet:
        phone = replace(registered(0, fleet[0]), place=Place(building=ANNEX))
        home = a_building(), a_building(ANNEX, "Annex", SWIMMERS), a_default_group()
        log = a_log(a_community(), *home, phone, a_resident(ANN, EVERYBODY), a_pin("2468"))
        with a_house(fleet, log=log) as house:
            soon(lambda: house.comings_and_goings() == ["DeviceWentOnline"])
            assert not fleet[0].state()["users"]
            house.happen(DeviceMoved(device=device_id(0), place=Place(building=TOWER)))
            soon(lambda: house.now() == {(11, "pin"): "verified"})
            relays = tuple(Relay(number=n, name="x", methods=frozenset()) for n in range(1, 5))
            house.happen(DeviceEdited(device=device_id(0), name="Gate", relays=relays))
            soon(lambda: house.now() == {(11, "pin"): "withdrawn"})


def test_d3_e18_needs_of_a_wrong_profile_end_as_rejected_not_as_synced() -> None:
    with Fleet(["E18"]) as fleet:
        box = replace(box_of(fleet[0]), model="X916")
        log = a_log(
            a_community(),
            replace(registered(0, fleet[0]), box=box),
            a_group(SWIMMERS, Door(device=device_id(0), relay=1)),
            *PEOPLE,
        )
        with a_house(fleet, log=log) as house:
            soon(lambda: set(house.now().values()) == {"rejected"})
            assert {one.reason for one in house.outcomes()} == {"Failed"}


def test_d3_a_lying_phone_is_never_shown_as_synced_and_heals() -> None:
    rhythm = replace(QUICK, patience=replace(QUICK.patience, breaker=0.5))
    with Fleet(["X916"]) as fleet:
        fleet[0].fault("accept_and_drop")
        with a_house(fleet, *PEOPLE, rhythm=rhythm) as house:
            soon(lambda: set(house.now().values()) == {"mismatch"})
            assert house.lane().status().suspended == 2
            fleet[0].clear_faults()
            soon(lambda: set(house.now().values()) == {"verified"})
            assert house.is_right()


@pytest.mark.parametrize(
    ("fault", "given"),
    [
        ("partial_batch", {"keep": 0.5}),
        ("stale_reads", {"seconds": 0.3}),
        ("lost_ack", {}),
        ("error_rate", {"rate": 0.3}),
        ("half_close", {}),
    ],
)
def test_d1_it_converges_through(fault: str, given: dict[str, float]) -> None:
    rhythm = replace(QUICK, patience=replace(QUICK.patience, breaker=0.2))
    with Fleet(["X916"]) as fleet, a_house(fleet, *PEOPLE, rhythm=rhythm, settle=0.1) as house:
        soon(lambda: house.now().get((12, "pin")) == "verified")
        fleet[0].fault(fault, **given)
        house.happen(*crowd(20), PinRevoked(resident=BOB))
        sleep(0.3)
        fleet[0].clear_faults()
        soon(lambda: house.is_right() and set(house.now().values()) == {"verified", "withdrawn"})
        assert house.now()[12, "pin"] == "withdrawn"


def test_d5_a_schedule_and_a_relay_changed_on_the_phone_are_drift_and_are_repaired() -> None:
    with Fleet(["X916"]) as fleet, a_house(fleet, *PEOPLE, when=NIGHT) as house:
        soon(lambda: house.now().get((12, "pin")) == "verified")
        drift = Outcome(holder=BOB, kind="pin", state="mismatch", reason="changed on the phone")
        sim = fleet[0]
        sim.do(lambda p: p.schedules.set({**list(p.schedules)[-1], "TimeEnd": "23:00"}))
        house.lane().check()
        soon(lambda: drift in house.outcomes() and house.now().get((12, "pin")) == "verified")
        assert house.is_right()
        said = len(house.outcomes())
        bobs = next(row for row in sim.phone.users if row["UserID"] == BOB.hex)
        sim.do(lambda p: p.users.put({**bobs, "ScheduleRelay": "1001-1234"}))
        house.lane().check()
        soon(lambda: house.outcomes()[said:].count(drift) == 1 and house.is_right())
        soon(lambda: house.now().get((12, "pin")) == "verified")
        assert len(house.outcomes()) == said + 2


def test_d6_a_backlog_is_the_last_wish_only_and_revocations_go_first() -> None:
    with Fleet(["X916"]) as fleet, a_house(fleet, *crowd(20), batch=25) as house:
        soon(lambda: list(house.now().values()).count("verified") == 20)
        soon(lambda: house.comings_and_goings() == ["DeviceWentOnline"])
        sim = fleet[0]
        sim.unplug()
        soon(lambda: house.comings_and_goings()[-1:] == ["DeviceWentOffline"])
        house.happen(*crowd(300, 20_000), *crowd(5, 30_000))
        house.happen(
            *(ResidentDeleted(resident=ResidentId(UUID(int=30_000 + n))) for n in range(5))
        )
        house.happen(
            *(ResidentDeleted(resident=ResidentId(UUID(int=10_000 + n))) for n in range(20))
        )
        soon(lambda: house.lane().status().waiting == 320)
        status = house.lane().status()
        assert (status.online, status.revocations) == (False, 20)
        assert status.waiting_for is not None
        sim.plug_in()
        soon(lambda: list(house.now().values()).count("verified") == 300)
        order = [one.state for one in house.outcomes()]
        assert order[20:60] == ["pending"] * 20 + ["withdrawn"] * 20
        assert not any(one.holder.int >= 30_000 for one in house.outcomes())
        there_and_back = ["DeviceWentOnline", "DeviceWentOffline", "DeviceWentOnline"]
        soon(lambda: house.comings_and_goings() == there_and_back)


def test_d6_a_revocation_overtakes_a_long_import() -> None:
    with Fleet(["X916"], ms_per_user=4) as fleet, a_house(fleet, *PEOPLE, batch=25) as house:
        soon(lambda: house.now().get((12, "pin")) == "verified")
        house.happen(*crowd(500))
        soon(lambda: len(fleet[0].phone.users) > 50)
        house.happen(PinRevoked(resident=BOB))
        soon(lambda: house.now().get((12, "pin")) == "withdrawn", 1.0)
        assert len(fleet[0].phone.users) < 450
        soon(lambda: list(house.now().values()).count("verified") == 502, 10)


def test_d2_a_hung_phone_holds_nobody_up_and_is_offline_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With a fifth of the patience. In earnest: a heartbeat of 4 s, twice 5 s without an answer
    and 0.2 s between are 14.2 s."""
    monkeypatch.setattr(wire, "SECONDS", 1.0)
    with Fleet(["X916"] * 5) as fleet:
        fleet[0].fault("hang")
        with a_house(fleet) as house:
            house.happen(*PEOPLE)
            others = range(1, 5)
            soon(lambda: all(house.now(n).get((12, "pin")) == "verified" for n in others), 0.9)
            assert soon(lambda: house.comings_and_goings(0) == ["DeviceWentOffline"]) < 2.8
            fleet[0].clear_faults()
            soon(lambda: house.now(0).get((12, "pin")) == "verified")


def test_d10_another_box_at_the_address_gets_no_code() -> None:
    with Fleet(["X916"]) as fleet:
        fleet[0].fault("other_mac", mac="0C1105FFFFFF")
        with a_house(fleet, *PEOPLE) as house:
            soon(lambda: house.comings_and_goings() == ["DeviceWentOffline"])
            (gone,) = [e for e in house.log.read(after=0) if "Offline" in type(e.event).__name__]
            assert gone.event.reason == "wrong-box: 0C1105FFFFFF answers"  # type: ignore[attr-defined]
            assert not fleet[0].phone.answered["user/add"]
            fleet[0].clear_faults()
            soon(lambda: house.now().get((12, "pin")) == "verified")


def test_d15_factory_reset_and_reboot_are_found_and_repaired() -> None:
    with Fleet(["X916"]) as fleet, a_house(fleet, *PEOPLE) as house:
        soon(lambda: house.now().get((12, "pin")) == "verified")
        sleep(1.1)
        fleet[0].do(lambda p: p.users.reset())
        fleet[0].fault("reboot", seconds=0.2)
        soon(lambda: [one.state for one in house.outcomes()].count("mismatch") == 3)
        soon(lambda: set(house.now().values()) == {"verified"})
        assert house.is_right()


def test_a_write_to_a_phone_is_told_with_the_event_that_it_answers_to() -> None:
    with Fleet(["X916"]) as fleet, a_house(fleet, *PEOPLE) as house:
        soon(lambda: house.now().get((12, "pin")) == "verified")
        with capture_logs() as logged:
            house.happen(PinRevoked(resident=BOB))
            soon(lambda: house.now().get((12, "pin")) == "withdrawn")
        [told] = [line for line in logged if line["event"] == "written"]
        [event] = [r for r in house.log.read(after=0) if type(r.event) is PinRevoked]
        assert (told["position"], told["command_id"]) == (event.position, str(event.command_id))
        assert (told["kind"], told["records"]) == ("revocations", 1)


def test_d15_records_entered_by_hand_are_left_alone_counted_and_warned_of_once() -> None:
    with Fleet(["X916"]) as fleet, a_house(fleet, *PEOPLE) as house, capture_logs() as logged:
        soon(lambda: house.now().get((12, "pin")) == "verified")
        cloud = {"UserID": "78", "Name": "Cloud", "SourceType": "2"}
        fleet[0].fault("local_edit", op="add", row={"UserID": "77", "Name": "Caretaker"})
        fleet[0].do(lambda p: p.users.force({**p.users.defaults, **cloud}))
        house.lane().check()
        soon(lambda: house.lane().status().strangers == 1)
        reads = fleet[0].phone.answered["user/get"]
        house.lane().check()
        soon(lambda: fleet[0].phone.answered["user/get"] > reads)
        assert house.is_right()
        assert len(fleet[0].phone.users) == 4
        fleet[0].do(lambda p: p.users.drop(next(r for r in p.users if r["UserID"] == "77")))
        house.lane().check()
        soon(lambda: house.lane().status().strangers == 0)
    warned = [line for line in logged if line["log_level"] == "warning"]
    assert [(line["device"], line["records"]) for line in warned] == [
        (str(device_id(0)), 1),
        (str(device_id(0)), 0),
    ]


def test_a_phone_in_place_of_another_gets_all_that_the_old_one_had() -> None:
    with Fleet(["X916", "E18"]) as fleet:
        log = a_log(
            a_community(),
            registered(0, fleet[0]),
            a_group(SWIMMERS, Door(device=device_id(0), relay=1)),
            *PEOPLE,
        )
        with a_house(fleet, log=log) as house:
            soon(lambda: house.now().get((12, "pin")) == "verified")
            said = len(house.outcomes())
            login = None
            house.happen(DeviceReplaced(device=device_id(0), box=box_of(fleet[1]), login=login))
            soon(lambda: len(house.outcomes()) == said + 3)
            assert house.is_right()
            assert len(fleet[1].phone.users) == 2


def test_a_removed_phone_is_emptied() -> None:
    with Fleet(["X916"]) as fleet, a_house(fleet, *PEOPLE) as house:
        soon(lambda: house.now().get((12, "pin")) == "verified")
        house.happen(DeviceRemoved(device=device_id(0)))
        soon(lambda: not fleet[0].state()["users"])


def test_a_new_life_says_nothing_that_was_said_and_pushes_no_past() -> None:
    with Fleet(["X916"]) as fleet:
        with a_house(fleet, *PEOPLE) as house:
            soon(lambda: house.now().get((12, "pin")) == "verified")
            house.happen(a_pin("7531", BOB), PinRevoked(resident=BOB))
            soon(lambda: house.now().get((12, "pin")) == "withdrawn")
        head, writes = house.log.head(), dict(fleet[0].phone.answered)
        with a_house(fleet, log=house.log) as again:
            soon(lambda: fleet[0].phone.answered["user/get"] > writes["user/get"])
            soon(lambda: again.polls)
            sleep(0.2)
            assert again.is_right()
        now = fleet[0].phone.answered
        assert [now[w] - writes.get(w, 0) for w in ("user/add", "user/set", "user/del")] == [0] * 3
        assert again.log.head() == head


def test_digest_phones_are_synced_and_a_wrong_password_is_said() -> None:
    access = Access(mode="digest", user="admin", password="httpapi")
    with Fleet(["X916", "X916"], access=access) as fleet:
        right, wrong = (Login(user="admin", password=p) for p in ("httpapi", "guess"))
        log = a_log(
            a_community(),
            registered(0, fleet[0], right),
            registered(1, fleet[1], wrong),
            a_group(SWIMMERS, *(Door(device=device_id(n), relay=1) for n in (0, 1))),
            *PEOPLE,
        )
        with a_house(fleet, log=log) as house:
            soon(lambda: house.now(0).get((12, "pin")) == "verified")
            soon(lambda: house.comings_and_goings(1) == ["DeviceWentOffline"])
            assert house.lane(1).status().failure == "locked: HTTP 401"


def test_a_hint_polls_at_once_and_otherwise_every_heartbeat() -> None:
    rhythm = replace(QUICK, heartbeat=30)
    with Fleet(["X916"]) as fleet, a_house(fleet, *PEOPLE, rhythm=rhythm) as house:
        soon(lambda: len(house.polls) == 1)
        house.lane().hint()
        assert soon(lambda: len(house.polls) == 2) < 0.2
    with Fleet(["X916"]) as fleet, a_house(fleet) as house:
        started = monotonic()
        soon(lambda: len(house.polls) >= 4)
        assert 0.25 < monotonic() - started < 2


def test_a_phone_is_told_where_to_call_and_never_with_a_code() -> None:
    url = "http://127.0.0.1:1/doors/secret"
    with Fleet(["X916"]) as fleet, a_house(fleet, event_url=url) as house:
        soon(house.comings_and_goings)
        urls = {k: v for k, v in fleet[0].phone.config.values.items() if "ACTIONURL" in k and v}
        assert urls["Config.Features.ACTIONURL.ValidCodeEntered"] == f"{url}?event=ValidCodeEntered"
        assert urls["Config.Features.ACTIONURL.Enable"] == "1"
        assert not any("$code" in url or "$card" in url for url in urls.values())


def test_p4_no_code_in_what_is_said() -> None:
    with Fleet(["X916"]) as fleet, a_house(fleet, *PEOPLE) as house:
        soon(lambda: house.now().get((12, "pin")) == "verified")
        said = "".join(map(repr, house.log.read(after=0)))
        assert not any(code in said for code in ("2468", "A1B2C3", "1357", "8642"))
