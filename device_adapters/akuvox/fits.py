"""What of a record a model of phone can take, and in words why not the rest (A3, M128)."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from device_adapters.akuvox.profiles import Profile
from device_adapters.akuvox.rows import normal
from device_adapters.port import Fit
from domain.devices import CredentialKind
from domain.rights import KINDS, Entry, shown

HEX_CARD: Final = re.compile(r"[0-9A-F]+", re.ASCII)
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
    taken = {kind: take(entry, profile) for kind, take in TAKERS.items() if has(entry, kind)}
    lacks = {kind: why for kind, (_, why) in taken.items() if why}
    if not lacks:
        return Fit(entry=entry, lacks=lacks)
    left: Any = {FIELDS[kind]: some for kind, (some, _) in taken.items()}
    some = replace(entry, **left, room=entry.room if left.get("pin") else None)
    if any(shown(some)):
        return Fit(entry=some, lacks=lacks)
    return nothing(entry, "nothing opens there", lacks)


def has(entry: Entry, kind: CredentialKind) -> bool:
    return bool(getattr(entry, FIELDS[kind]))


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


# In the order of KINDS. Thousands of people have none of most of these, at hundreds of phones.
TAKERS: Final[Mapping[CredentialKind, Callable[[Entry, Profile], Taken]]] = {
    "pin": pin,
    "card": cards,
    "uhf": lambda entry, profile: marks(entry.uhf, "UHF tags", profile),
    "plate": lambda entry, profile: marks(entry.plates, "licence plates", profile),
    "face": face,
    "floors": floors,
}
