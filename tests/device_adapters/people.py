"""Records that a phone must hold, for tests of what sits between rights and phones."""

from uuid import UUID

from domain.access_groups import ALWAYS, Schedule
from domain.rights import Entry, Grant


def an_entry(
    n: int = 1,
    pin: str | None = None,
    *cards: str,
    when: Schedule = ALWAYS,
    relays: tuple[int, ...] = (1,),
    name: str | None = None,
    room: str | None = None,
) -> Entry:
    """Person number `n`; with PIN 3000 + n if neither a PIN nor a card is said."""
    return Entry(
        key=UUID(int=n).hex,
        holder=UUID(int=n),
        name=name or f"Person {n}",
        pin=pin or (None if cards else f"{3000 + n}"),
        cards=frozenset(cards),
        grants=frozenset({Grant(schedule=when, relays=frozenset(relays))}),
        room=room,
    )
