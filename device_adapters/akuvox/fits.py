"""What of a record a model of phone can take, and in words why not the rest (A3, M128)."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from device_adapters.akuvox.profiles import Profile
from device_adapters.akuvox.rows import normal
from device_adapters.port import Fit
from domain.devices import CredentialKind
from domain.rights import KINDS, Entry, shown

HEX_CARD: Final = re.compile(r"[0-9A-F]+", re.ASCII)
ALL_FITS: Final[Mapping[CredentialKind, str]] = MappingProxyType({})
Taken = tuple[Any, str | None]  # what the phone can take, and why that is not all
FIELDS: Final[dict[CredentialKind, str]] = {
    "pin": "pin",
    "card": "cards",
    "uhf": "uhf",
    "plate": "plates",
    "face": "face",
    "floors": "floors",
}


def fit(entry: Entry, profile: Profile) -> Fit:
    """As much as there is room for: to lose one card is better than to lose all."""
    if any(max(grant.relays) > profile.relays for grant in entry.grants):
        return nothing(entry, f"the phone has {profile.relays} relays")
    if is_pin_alone(entry):  # thousands of people, at hundreds of phones
        why = pin(entry, profile)[1]
        return nothing(entry, why, {"pin": why}) if why else Fit(entry=entry, lacks=ALL_FITS)
    taken = {
        "pin": pin(entry, profile),
        "card": cards(entry, profile),
        "uhf": marks(entry.uhf, "UHF tags", profile),
        "plate": marks(entry.plates, "licence plates", profile),
        "face": face(entry, profile),
        "floors": floors(entry, profile),
    }
    lacks = {kind: why for kind in KINDS if (why := taken.get(kind, (None, None))[1])}
    if not lacks:
        return Fit(entry=entry, lacks=lacks)
    left: Any = {FIELDS[kind]: taken[kind][0] for kind in FIELDS}
    some = replace(entry, **left, room=entry.room if left["pin"] else None)
    if any(shown(some)):
        return Fit(entry=some, lacks=lacks)
    return nothing(entry, "nothing opens there", lacks)


def is_pin_alone(entry: Entry) -> bool:
    more = entry.cards or entry.uhf or entry.plates or entry.face or entry.floors
    return not more and isinstance(entry.pin, str)


def nothing(entry: Entry, why: str, lacks: dict[CredentialKind, str] | None = None) -> Fit:
    """Without any code there is no record, and nobody is taken to a floor."""
    kinds = {kind for kind, _ in shown(entry)} | ({"floors"} if entry.floors else set())
    return Fit(
        entry=None, lacks={kind: (lacks or {}).get(kind, why) for kind in KINDS if kind in kinds}
    )


def pin(entry: Entry, profile: Profile) -> Taken:
    """A3: the model may ask for more than the property manager's rule."""
    if not isinstance(entry.pin, str):
        return None, None
    if profile.pin_digits is None:
        return None, "the phone has no keypad"
    least, most = profile.pin_digits
    if least <= len(entry.pin) <= most:
        return entry.pin, None
    return None, f"the phone takes PINs of {least} to {most} digits"


def cards(entry: Entry, profile: Profile) -> Taken:
    held = entry.cards if isinstance(entry.cards, frozenset) else frozenset()
    taken = frozenset(fitting(held, profile))
    return taken, None if taken == held else f"takes {len(taken)} of {len(held)} cards"


def fitting(held: frozenset[str], profile: Profile) -> Iterator[str]:
    """Hex only (A8); what is beyond the text that can be read back could not be verified [SY]."""
    used = count = 0
    for code in sorted(held):
        length = len(normal(code)) + (1 if count else 0)
        legible = HEX_CARD.fullmatch(code)
        if legible and count < profile.cards and used + length <= profile.card_text:
            used, count = used + length, count + 1
            yield code


def marks(codes: Any, what: str, profile: Profile) -> Taken:
    """Plates and tags stand in the same places, and a person has but one of these kinds (A9)."""
    held = codes if isinstance(codes, frozenset) else frozenset()
    if held and not profile.vehicles:
        return frozenset(), f"the phone takes no {what}"
    taken = frozenset(sorted(held)[: profile.vehicles])
    return taken, None if taken == held else f"takes {len(taken)} of {len(held)} {what}"


def face(entry: Entry, profile: Profile) -> Taken:
    if isinstance(entry.face, str) and not profile.faces:
        return None, "the phone knows no faces"
    return entry.face, None


def floors(entry: Entry, profile: Profile) -> Taken:
    if entry.floors and not profile.floors:
        return frozenset(), "the phone calls no lift"
    taken = frozenset(floor for floor in entry.floors if 1 <= floor <= profile.floors)
    if taken == entry.floors:
        return taken, None
    return taken, f"takes {len(taken)} of {len(entry.floors)} floors: 1 to {profile.floors}"
