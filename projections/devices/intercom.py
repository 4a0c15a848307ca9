"""What residents may do with a phone beside opening doors, as a screen shows it (M102)."""

import json

from domain.devices import Place
from domain.intercom import Listed, Through, has_directory
from domain.record import frozen
from projections.projector import Row


@frozen
class IntercomDoc:
    """`directory` is null where the phone has none: it is not for several tenants, or hangs
    elsewhere than in the public area of one building (M102).
    """

    monitoring: tuple[Through, ...]
    calling: bool
    directory: tuple[Listed, ...] | None


def intercom_of(row: Row) -> IntercomDoc:
    said = json.loads(row["intercom"])
    place = Place(building=row["building"], apartment=row["apartment"])
    listed = tuple(said["directory"]) if has_directory(row["model"], place) else None
    return IntercomDoc(
        monitoring=tuple(said["monitoring"]), calling=said["calling"], directory=listed
    )
