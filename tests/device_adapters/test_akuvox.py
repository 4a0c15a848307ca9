"""The driver against simulated phones, over real sockets."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import date, time
from time import monotonic
from uuid import UUID

import pytest

from device_adapters.akuvox import wire
from device_adapters.akuvox.phone import AkuvoxPhone
from device_adapters.akuvox.profiles import CAUTIOUS, PROFILES, profile_of
from device_adapters.port import Garbled, Locked, Offline, Rejected, Unsupported
from device_adapters.simulator import PROFILES as SIMULATED
from device_adapters.simulator import Access, Fleet, PluggedIn
from domain.access_groups import Schedule
from domain.devices import Login
from domain.rights import Entry, Grant
from tests.device_adapters.people import an_entry
from tests.device_adapters.strangers import dripping, speaking

NIGHT = Schedule(repeat="daily", start=time(22), end=time(6))
SWIM = Schedule(repeat="weekly", start=time(8), end=time(18), days=frozenset({1, 4, 7}))
MOVE = Schedule(
    repeat="never",
    first=date(2026, 3, 1),
    last=date(2026, 3, 4),
    start=time(12),
    end=time(13),
)
PEOPLE = (
    an_entry(1, "2468"),
    an_entry(2, None, "0A1B2C", when=NIGHT),
    an_entry(3, "1357", "ABC", "00123456", when=SWIM),
    an_entry(4, "8642", when=MOVE),
)
Driver = Callable[..., AkuvoxPhone]
LOGIN = Login(user="admin", password="httpapi")


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    with Fleet(list(SIMULATED)) as phones:
        yield phones


@pytest.fixture
def x916(fleet: Fleet) -> Iterator[PluggedIn]:
    sim = fleet[list(SIMULATED).index("X916")]
    sim.fault("factory_reset")
    sim.fault("reboot", seconds=0)
    yield sim
    sim.clear_faults()


@pytest.fixture
def driver() -> Iterator[Driver]:
    """Phones are hung up when the test is over."""
    with ExitStack() as stack:

        def dial(to: PluggedIn | str, login: Login | None = None, model: str = "") -> AkuvoxPhone:
            url = to if isinstance(to, str) else to.url
            found = model or ("" if isinstance(to, str) else to.phone.profile.model)
            profile = profile_of(found).paced(pause=0, settle=0)
            return stack.enter_context(closing(AkuvoxPhone(url, login, profile)))

        yield dial


def taken(phone: AkuvoxPhone, *people: Entry) -> list[Entry]:
    return [fit.entry for fit in map(phone.fit, people) if fit.entry]


@pytest.mark.parametrize("model", SIMULATED)
def test_s6_every_model_shows_exactly_what_was_put(
    driver: Driver, fleet: Fleet, model: str
) -> None:
    sim = fleet[list(SIMULATED).index(model)]
    phone = driver(sim)
    people = taken(phone, *PEOPLE)
    phone.read()
    phone.put(people)
    assert dict(phone.read()) == {one.key: phone.shows(one) for one in people}
    phone.withdraw([PEOPLE[1].key])
    assert dict(phone.read()) == {o.key: phone.shows(o) for o in people if o != PEOPLE[1]}
    assert len(people) == (2 if model == "E12W" else 4)


def test_s7_an_e18_taken_for_another_model_is_found_out(driver: Driver, fleet: Fleet) -> None:
    """Control: what E18 needs is in its profile; the cautious one says both names and works."""
    sim = fleet[list(SIMULATED).index("E18")]
    with pytest.raises(Rejected):
        driver(sim, model="X916").put([an_entry(9)])
    cautious = driver(sim, model="E99")
    assert cautious.profile is not PROFILES["E18"]
    assert cautious.profile.model == CAUTIOUS.model
    cautious.put([an_entry(9)])
    assert cautious.read()[an_entry(9).key] == cautious.shows(an_entry(9))


def test_identical_windows_share_a_schedule_and_all_day_is_the_factorys(
    driver: Driver, x916: PluggedIn
) -> None:
    phone = driver(x916)
    swimmers = [an_entry(2, when=SWIM), an_entry(3, when=SWIM)]
    phone.put([an_entry(1), *swimmers, an_entry(4, when=NIGHT)])
    assert len(x916.phone.schedules) == 2 + 1 + 2
    rows = {row["UserID"]: row["ScheduleRelay"] for row in x916.phone.users}
    assert rows[an_entry(1).key] == "1001-1"
    assert rows[an_entry(2).key] == rows[an_entry(3).key]


def test_schedules_of_ours_are_known_again_and_removed_when_unused(
    driver: Driver, x916: PluggedIn
) -> None:
    first = driver(x916)
    first.put([an_entry(1, when=SWIM), an_entry(2, when=NIGHT)])
    x916.do(lambda p: p.schedules.force({**p.schedules.defaults, "Name": "Caretaker"}))
    again = driver(x916)
    again.read()
    again.put([an_entry(3, when=SWIM)])
    assert len(x916.phone.schedules) == 2 + 3 + 1
    again.withdraw([an_entry(2).key])
    again.read()
    again.tidy([an_entry(1, when=SWIM)])
    names = [row["Name"] for row in x916.phone.schedules]
    assert len(names) == 2 + 1 + 1
    assert "Caretaker" in names


def test_a_schedule_in_use_is_never_removed(driver: Driver, x916: PluggedIn) -> None:
    phone = driver(x916)
    phone.put([an_entry(1, when=SWIM)])
    phone.read()
    phone.tidy([])
    assert len(x916.phone.schedules) == 2 + 1


def test_d5_a_schedule_changed_on_the_phone_shows_and_is_set_right(
    driver: Driver, x916: PluggedIn
) -> None:
    phone, ann = driver(x916), an_entry(1, when=SWIM)
    phone.put([ann])
    x916.do(lambda p: p.schedules.set({**list(p.schedules)[-1], "TimeEnd": "23:00"}))
    assert phone.read()[ann.key] != phone.shows(ann)
    phone.put([ann])
    assert phone.read()[ann.key] == phone.shows(ann)
    assert len(x916.phone.schedules) == 2 + 1


def test_two_groups_with_the_same_hours_are_one_pair(driver: Driver, x916: PluggedIn) -> None:
    phone = driver(x916)
    grants = frozenset(Grant(schedule=SWIM, relays=frozenset({n})) for n in (1, 2))
    ann = replace(an_entry(1), grants=grants)
    phone.put([ann])
    assert [row["ScheduleRelay"] for row in x916.phone.users] == ["1003-12"]
    assert phone.read()[ann.key] == phone.shows(ann)


def test_rows_of_others_are_neither_shown_nor_touched(driver: Driver, x916: PluggedIn) -> None:
    cloud = {"UserID": UUID(int=7).hex, "Name": "Cloud", "SourceType": "2"}
    x916.fault("local_edit", op="add", row={"UserID": "77", "Name": "Caretaker"})
    x916.do(lambda p: p.users.force({**p.users.defaults, **cloud}))
    phone = driver(x916)
    assert dict(phone.read()) == {}
    phone.withdraw([UUID(int=7).hex, "77"])
    assert len(x916.phone.users) == 2
    small = driver(x916)
    small.profile = replace(small.profile, users=10)
    small.read()
    assert set(small.overflow([an_entry(n) for n in range(10)])) == {
        an_entry(8).key,
        an_entry(9).key,
    }


def test_a_second_row_under_a_key_comes_under_another_to_be_withdrawn(
    driver: Driver, x916: PluggedIn
) -> None:
    phone, ann = driver(x916), an_entry(1)
    phone.put([ann])
    x916.do(lambda p: p.users.force({**next(iter(p.users)), "PrivatePIN": "5555"}))
    extra = [key for key in phone.read() if key != ann.key]
    assert len(extra) == 1
    phone.withdraw(extra)
    assert dict(phone.read()) == {ann.key: phone.shows(ann)}


@pytest.mark.parametrize("mode", ["basic", "digest"])
def test_s4_it_logs_in_as_the_phone_asks(driver: Driver, mode: str) -> None:
    access = Access(mode=mode, user=LOGIN.user, password="httpapi")
    with Fleet(["X916"], access=access) as fleet:
        phone = driver(fleet[0], LOGIN)
        phone.put([an_entry(1)])
        assert len(phone.read()) == 1
        wrong = driver(fleet[0], Login(user="admin", password="guess"))
        for stranger in (wrong, driver(fleet[0])):
            with pytest.raises(Locked, match="401"):
                stranger.identify()


def test_s4_an_allowlist_refuses_without_a_challenge(driver: Driver) -> None:
    access = Access(mode="allowlist", allowlist=("10.1.1.1",))
    with Fleet(["X916"], access=access) as fleet, pytest.raises(Locked, match="403"):
        driver(fleet[0], LOGIN).identify()


@pytest.mark.parametrize("kind", ["html", "truncated", "nested", "nan", "empty"])
def test_d9_nonsense_is_garbled(driver: Driver, x916: PluggedIn, kind: str) -> None:
    phone = driver(x916)
    x916.fault("garbage", kind=kind)
    with pytest.raises(Garbled):
        phone.read()
    x916.clear_faults()
    assert dict(phone.read()) == {}


def test_d9_a_giant_body_is_cut(driver: Driver, x916: PluggedIn) -> None:
    phone = driver(x916)
    x916.fault("giant_body")
    started = monotonic()
    with pytest.raises(Garbled, match="more than 1000000 bytes"):
        phone.status()
    assert monotonic() - started < 1


def test_s10_redirects_are_not_followed(driver: Driver, x916: PluggedIn) -> None:
    x916.fault("redirect")
    with pytest.raises(Garbled, match="redirect"):
        driver(x916).identify()


def test_s3_the_content_type_does_not_matter(driver: Driver, x916: PluggedIn) -> None:
    x916.fault("wrong_content_type")
    assert driver(x916).identify().mac == x916.mac


@pytest.mark.parametrize("fault", ["offline", "half_close", "lost_ack"])
def test_a_lost_answer_is_offline_and_the_next_one_is_heard(
    driver: Driver, x916: PluggedIn, fault: str
) -> None:
    phone = driver(x916)
    phone.read()
    x916.fault(fault)
    with pytest.raises(Offline, match="broke the connection off"):
        phone.put([an_entry(1)])
    x916.clear_faults()
    assert phone.read().keys() <= {an_entry(1).key}


def test_unsupported_is_not_rejected(driver: Driver, x916: PluggedIn) -> None:
    with pytest.raises(Unsupported):
        driver(x916)._wire.get("fingerprint")


@pytest.mark.parametrize(
    "answer",
    [
        {"retcode": 0, "data": {"item": "x"}},
        {"retcode": 0, "data": {"item": [1]}},
        {"retcode": 0, "data": {"item": [{"UserID": UUID(int=1).hex, "ID": None}]}},
        {"retcode": 0, "data": [1]},
        {"retcode": True},
        {"retcode": "0"},
        [],
    ],
)
def test_d9_wrong_types_are_garbled(driver: Driver, answer: object) -> None:
    with speaking(answer) as address, pytest.raises(Garbled):
        driver(address).read()


def test_a_message_that_quotes_a_code_is_not_repeated(driver: Driver) -> None:
    with speaking({"retcode": -1, "message": "PIN 2468 is used"}) as address:
        with pytest.raises(Rejected) as no:
            driver(address).read()
        assert str(no.value) == "rejected: PIN is used"


def test_d2_a_phone_that_drips_is_given_up_in_time(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit per byte, as httpx has, would wait for ever."""
    monkeypatch.setattr(wire, "SECONDS", 0.3)
    with dripping() as address:
        started = monotonic()
        with pytest.raises(Offline, match="no answer"):
            driver(address).identify()
        assert 0.2 < monotonic() - started < 1


def test_s4_digest_is_never_given_up_for_a_password_in_clear(driver: Driver) -> None:
    access = Access(mode="digest", user="admin", password="httpapi")
    with Fleet(["X916"], access=access) as fleet:
        phone = driver(fleet[0], LOGIN)
        phone.identify()
        basic = Access(mode="basic", user="admin", password="httpapi").settings()
        fleet[0].do(lambda p: p.config.values.update(basic))
        with pytest.raises(Locked):
            phone.identify()


@pytest.mark.parametrize(
    ("keypad", "lack"),
    [
        ((4, 8), "the phone takes PINs of 4 to 8 digits"),
        ((2, 8), None),
        (None, "the phone has no keypad"),
    ],
)
def test_a3_a_pin_that_a_phone_does_not_take_is_not_deliverable_there(
    keypad: tuple[int, int] | None, lack: str | None
) -> None:
    """It is told with its reason; the PIN stays legal elsewhere."""
    profile = replace(profile_of("X916"), pin_digits=keypad)
    with closing(AkuvoxPhone("http://127.0.0.1:1", None, profile)) as phone:
        fit = phone.fit(an_entry(1, pin="24"))
    assert fit.lacks.get("pin") == lack
    assert (fit.entry is None) == bool(lack)
