"""An entry of ours as a person of a lock, and the other way round."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from marshmallow import ValidationError

from device_adapters.locks.brands import Profile
from device_adapters.port import Fit, Garbled, Held, Opened
from domain.access_groups import Schedule
from domain.devices import CredentialKind
from domain.locks import DOOR, Brand, unfit
from domain.rights import Entry, Grant, grant_text
from schemas.of import schema_of

KEY: Final = re.compile(r"[0-9a-f]{32}(-pin|-card)?", re.ASCII)
TIMES: Final = schema_of(Schedule)(many=True)
Person = Mapping[str, Any]


def fit(entry: Entry, brand: Brand) -> Fit:
    """M120, M121: what does not fit is left out and said, the rest goes."""
    lacks = dict[CredentialKind, str]()
    pin = entry.pin if isinstance(entry.pin, str) else None
    if pin and (why := unfit(brand, "pin", [pin])):
        pin, lacks["pin"] = None, why
    held = entry.cards if isinstance(entry.cards, frozenset) else frozenset()
    cards = frozenset(code for code in held if not unfit(brand, "card", [code]))
    if held and (why := unfit(brand, "card", held)):
        lacks["card"] = why
    if not pin and not cards:
        return Fit(entry=None, lacks=lacks)
    return Fit(entry=replace(entry, pin=pin, cards=cards) if lacks else entry, lacks=lacks)


def person_of(entry: Entry, profile: Profile) -> Person:
    """The whole of it: what is not said is not there any more."""
    return {
        "key": entry.key,
        "name": name_on(entry, profile),
        "pin": entry.pin if isinstance(entry.pin, str) else None,
        "cards": sorted(entry.cards) if isinstance(entry.cards, frozenset) else [],
        "times": times_of(entry),
    }


def times_of(entry: Entry) -> Any:
    times = {grant_text(at_the_door(grant.schedule)): grant.schedule for grant in entry.grants}
    return TIMES.dump([times[words] for words in sorted(times)])


def open_at(times: frozenset[str]) -> Held:
    """A lock that is held open (M107), as a record of its own."""
    return Held(name="", pin=None, cards=frozenset(), opens=times)


def shown(entry: Entry, profile: Profile) -> Held:
    return held(person_of(entry, profile), profile)


def held(person: Person, profile: Profile) -> Held:
    """M115: a lock does not ask for the apartment, so that it has no room."""
    cards = frozenset(strings(person.get("cards")))
    return Held(
        name=str(person.get("name", "")),
        pin=None if "pin" in profile.unreadable else person.get("pin"),
        cards=frozenset() if "card" in profile.unreadable else cards,
        opens=frozenset(words(person.get("times"))),
    )


def words(times: object) -> Iterable[str]:
    """Each schedule by what it means, however the gateway writes it."""
    try:
        return [grant_text(at_the_door(when)) for when in TIMES.load(times)]  # type: ignore[arg-type]
    except ValidationError:
        raise Garbled("times that are no schedules") from None


def at_the_door(when: Schedule) -> Grant:
    return Grant(schedule=when, relays=frozenset({DOOR}))


def name_on(entry: Entry, profile: Profile) -> str:
    return entry.name[: profile.name].strip() if isinstance(entry.name, str) else "-"


def by_key(people: object) -> dict[str, Person]:
    """All of a lock's people, ours or not."""
    if not isinstance(people, list) or not all(isinstance(one, dict) for one in people):
        raise Garbled("no list of people")
    found = {str(one.get("key", "")): one for one in people}
    if len(found) < len(people):
        raise Garbled("two people under one key")
    return found


def strings(value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise Garbled("no list of codes")
    return value


def opened(entry: object) -> Opened:
    """A line of a lock's log. It is in UTC."""
    if not isinstance(entry, dict) or type(entry.get("id")) is not int:
        raise Garbled("no line of a log")
    return Opened(
        id=entry["id"],
        local=instant(entry.get("at")),
        method=str(entry.get("method", ""))[:40],
        name=str(entry.get("name", "")),
        code=str(entry.get("code") or ""),
        relays=frozenset({DOOR}),
        success=entry.get("opened") is True,
    )


def instant(said: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(said))
    except ValueError:
        return None
    return at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else None
