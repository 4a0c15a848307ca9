"""The relays of a phone, as a screen shows them (M99, M100, M101)."""

import json
from collections.abc import Collection
from datetime import datetime
from typing import Literal

from domain.devices import Method, Relay
from domain.record import frozen
from projections.projector import document


@frozen
class DoorStateDoc:
    """Whether a door is open, by its sensor, and since when it was seen so; unknown while the phone
    cannot say. `seen`: when the phone was last heard, if it does not answer: who knows how the door
    stands now. Null while it answers: then it is so.
    """

    state: Literal["open", "closed", "unknown"] = "unknown"
    since: datetime | None = None
    seen: datetime | None = None


@frozen
class RelayDoc:
    """A door of the phone: what it is called, opened by, and takes, and the pages of the app that
    show it (M100, M101). `sensor`: the input that tells whether it is open; without one, `door` is
    null (M99).
    """

    number: int
    name: str
    dtmf: str | None
    methods: tuple[Method, ...]
    on_home_page: bool
    on_talking_page: bool
    sensor: int | None
    door: DoorStateDoc | None


def kept(relays: Collection[Relay]) -> str:
    return document(
        [
            RelayDoc(
                number=r.number,
                name=r.name,
                dtmf=r.dtmf,
                methods=tuple(sorted(r.methods)),
                on_home_page=r.on_home_page,
                on_talking_page=r.on_talking_page,
                sensor=r.sensor,
                door=DoorStateDoc() if r.sensor else None,
            )
            for r in relays
        ]
    )


def relays_of(text: str) -> tuple[RelayDoc, ...]:
    return tuple(
        RelayDoc(
            **r | {"methods": tuple(r["methods"]), "door": r["door"] and DoorStateDoc(**r["door"])}
        )
        for r in json.loads(text)
    )
