"""A few records among thousands are looked for by name: to read all of them takes seconds, on each
of a hundred phones at once."""

from collections.abc import Mapping, Sequence
from typing import Final

from device_adapters.port import Garbled, Held, Phone, Rejected, Searched, Unsupported
from device_adapters.sent import Wanted
from device_adapters.verified import Findings
from domain.rights import HELD_OPEN, Entry

FEW: Final = 3  # each is a request of its own
MANY: Final = 100


def searched(phone: Phone, found: Findings, sent: Wanted) -> Mapping[str, Held] | None:
    """What a search shows, if all is as it should be; else only a reading can tell."""
    if not isinstance(phone, Searched) or len(sent) > FEW or len(found.verified) < MANY:
        return None
    if HELD_OPEN in sent or (sought := with_witness(found, sent)) is None:
        return None
    try:
        held = phone.look_for(sought)
    except (Garbled, Rejected, Unsupported):
        return None
    right = all(found.agrees(key, entry, held) for key, entry in sent.items())
    single = not any("#" in key for key in held)  # no two under one key
    return held if right and single and is_met(sought[len(sent) :], held) else None


def with_witness(found: Findings, sent: Wanted) -> Sequence[Entry] | None:
    """That somebody is not found is believed only if somebody else is, who stands there: last."""
    come = [entry for entry in sent.values() if entry]
    gone = [found.leaving.get(key) for key, entry in sent.items() if entry is None]
    left = [entry for entry in gone if entry and is_plain(entry)]
    if len(left) < len(gone):
        return None
    if not left:
        return come
    witness = next(filter(is_plain, found.verified.values()), None)
    return [*come, *left, witness] if witness else None


def is_met(witnesses: Sequence[Entry], held: Mapping[str, Held]) -> bool:
    return all(one.key in held for one in witnesses)


def is_plain(entry: Entry) -> bool:
    """What is not may be looked for otherwise than it was written."""
    words = entry.name.split() if isinstance(entry.name, str) else []
    return len(words) > 1 and all(word.isascii() and word.isalnum() for word in words)
