"""The photo by which a door phone knows a person's face (M32)."""

from hashlib import sha256

from domain.ids import ResidentId
from domain.kernel import Claim, Event, event
from domain.record import Personal

PHOTO = "photo"  # the kind of its claim: what nobody claims is thrown away (ADR 19)


@event
class FaceEnrolled(Event):
    """In place of the photo before. `photo` tells the bytes, which are kept elsewhere (ADR 19)."""

    stream = subject = "resident"
    releases = (PHOTO,)
    resident: ResidentId
    photo: Personal[str]

    def claims(self) -> list[Claim]:
        return [Claim(kind=PHOTO, value=self.photo)]


@event
class FaceRemoved(Event):
    stream = subject = "resident"
    releases = (PHOTO,)
    resident: ResidentId


def known_by(picture: bytes) -> str:
    """What an event calls a picture by, and by which it is known to be still the same."""
    return sha256(picture).hexdigest()


def enroll(who: ResidentId, now: Personal[str] | None, photo: str) -> list[Event]:
    """M32: one for a person. That it is nobody else's is a claim."""
    return [] if photo == now else [FaceEnrolled(resident=who, photo=photo)]


def remove(who: ResidentId, now: Personal[str] | None) -> list[Event]:
    """M42."""
    return [] if now is None else [FaceRemoved(resident=who)]
