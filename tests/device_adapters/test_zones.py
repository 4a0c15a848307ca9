"""T3: a zone in the words of a phone, and a keeper that has to set it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, available_timezones

import pytest

from device_adapters.akuvox import zones
from device_adapters.akuvox.profiles import CAUTIOUS, PROFILES
from device_adapters.port import Rejected
from tests.device_adapters.keeping import Hands, Kept, no_more, verified, wish
from tests.device_adapters.memory_phone import MemoryPhone
from tests.device_adapters.people import an_entry

SUMMER = datetime(2026, 7, 1, 12, tzinfo=UTC)
KNOWING = replace(CAUTIOUS, knows_cities=True)


# The driver's words


def test_t3_zones_in_the_words_of_a_phone() -> None:
    say = {
        "Europe/Moscow": "GMT+3:00 Moscow",
        "America/St_Johns": "GMT-2:30 St_Johns",
        "Asia/Kathmandu": "GMT+5:45 Kathmandu",
        "Australia/Lord_Howe": "GMT+10:30 Lord_Howe",
        "Europe/Dublin": "GMT+1:00 Dublin",
        "UTC": "GMT+0:00 UTC",
    }
    for zone, words in say.items():
        assert zones.in_words(zones.settings(zone, SUMMER, CAUTIOUS)) == words
    winter = {"Europe/Dublin": "GMT+0:00 Dublin", "America/Santiago": "GMT-4:00 Santiago"}
    for zone, words in winter.items():
        for at in (SUMMER, SUMMER + timedelta(days=182)):
            assert zones.in_words(zones.settings(zone, at, KNOWING)) == words


def test_t3_what_a_phone_shows_is_read_as_it_goes() -> None:
    def clock(profile: object = CAUTIOUS, **said: str) -> tzinfo | None:
        keys: Mapping[str, object] = {f"{zones.SNTP}{name}": text for name, text in said.items()}
        return zones.clock_of(keys, KNOWING if profile is KNOWING else CAUTIOUS)

    for offset in ("GMT+5:30", "+05:30"):
        found = clock(TimeZone=offset, Name="Kolkata")
        assert found
        assert found.utcoffset(None) == timedelta(hours=5, minutes=30)
    assert clock(KNOWING, TimeZone="GMT+0:00", Name="Lisbon") == ZoneInfo("Europe/Lisbon")
    for nonsense in ("", "GMT", "GMT+99:00", "Mars"):
        assert clock(TimeZone=nonsense, Name="Lisbon") is None


def test_t3_every_zone_that_a_community_may_have_can_be_said_and_read() -> None:
    for zone in available_timezones() - {"localtime", "Factory", "posixrules"}:
        said = zones.settings(zone, SUMMER, CAUTIOUS)
        found = zones.clock_of(said, CAUTIOUS)
        assert found, zone
        assert found.utcoffset(None) == SUMMER.astimezone(ZoneInfo(zone)).utcoffset(), zone


def test_the_form_of_the_zone_has_a_source() -> None:
    assert "[G]" in CAUTIOUS.source
    assert not any(profile.knows_cities for profile in PROFILES.values())


# The keeper alone


def kept_in(zone: str, phone: MemoryPhone) -> Kept:
    return Kept(phone, Hands(zone=zone))


def names(phone: MemoryPhone) -> list[str]:
    """Of the writes, in order."""
    return [name for name, what in phone.calls if what]


def test_t3_the_zone_is_set_after_revocations_before_grants_once_and_after_the_log() -> None:
    kept = kept_in("UTC", phone := MemoryPhone())
    kept.run(wish(an_entry(3)))
    kept.hands.zone = "Asia/Tokyo"
    assert set(kept.run(no_more(3), wish(an_entry(1)))) >= {verified(an_entry(1))}
    assert names(phone) == ["put", "withdraw", "set_zone", "put"]
    assert kept.hands.caught_up == 1
    kept.restart()
    kept.run(wish(an_entry(2)))
    assert names(phone).count("set_zone") == 1
    assert kept.keeper.clock_trouble() == ""


def test_t3_a_change_of_the_clock_is_due_when_it_comes() -> None:
    kept = kept_in("Europe/Lisbon", phone := MemoryPhone())
    kept.run(wish(an_entry(1)))
    assert kept.keeper.next_due() is None
    kept.hands.seconds += 30 * 24 * 3600
    assert kept.keeper.next_due() == kept.hands.clock()
    assert kept.run() == []
    assert (names(phone), phone.shown) == (["put", "set_zone"], "+0100")
    assert kept.keeper.next_due() is None


def test_t3_d3_a_phone_that_lies_about_its_zone_is_given_up_after_three_tries() -> None:
    class Obstinate(MemoryPhone):
        def set_zone(self, zone: str, at: datetime) -> None:
            self._call("set_zone", [zone])

    kept = kept_in("Asia/Tokyo", phone := Obstinate())
    assert kept.run(wish(an_entry(1))) == [verified(an_entry(1))]
    assert names(phone).count("set_zone") == 3
    assert kept.keeper.clock_trouble() == "shows another zone"
    assert kept.run() == []
    phone.shown = "+0900"
    kept.hands.seconds += 301
    assert kept.run() == []
    assert kept.keeper.clock_trouble() == ""


def test_t3_what_cannot_be_caught_up_with_keeps_its_clock() -> None:
    class Mute(Hands):
        def catch_up(self) -> None:
            raise ConnectionError

    kept = Kept(phone := MemoryPhone(), Mute(zone="Asia/Tokyo"))
    with pytest.raises(ConnectionError):
        kept.run(wish(an_entry(1)))
    assert names(phone) == []


def test_t3_a_refusal_is_told_in_the_phones_own_words() -> None:
    class Refusing(MemoryPhone):
        def set_zone(self, zone: str, at: datetime) -> None:
            raise Rejected("Error param")

    kept = kept_in("Asia/Tokyo", Refusing(shown=None))
    kept.run()
    assert kept.keeper.clock_trouble() == "Error param"
