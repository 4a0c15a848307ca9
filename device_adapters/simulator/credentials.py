"""What somebody may show at a door, and what the phone calls it (S13)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from device_adapters.simulator.profiles import Profile
from device_adapters.simulator.tables import Row
from device_adapters.simulator.users import (
    has_card,
    has_face,
    has_pin,
    has_pin_at_apartment,
    has_plate,
)

Test = Callable[[Row, str], bool]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """`label` is its Type in the door log; `valid` and `invalid` are its action URLs."""

    name: str
    label: str
    test: Test
    valid: str = ""
    invalid: str = ""
    variable: str = "code"

    def holders(
        self, users: Iterable[Row], code: str, profile: Profile, apartment_mode: bool
    ) -> list[Row]:
        """Those whose credential it is, in the order of their IDs."""
        if self.name != "pin":
            return [row for row in users if self.test(row, code)]
        if not typeable(code, profile, apartment_mode):
            return []
        test = has_pin_at_apartment if apartment_mode else self.test
        return [row for row in users if test(row, code)]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The relays that opened, or why none did."""

    relays: tuple[int, ...] = ()
    reason: str = ""

    @property
    def opened(self) -> bool:
        return bool(self.relays)

    @property
    def letters(self) -> str:
        return ", ".join("ABCD"[number - 1] for number in self.relays)


def typeable(code: str, profile: Profile, apartment_mode: bool) -> bool:
    """Whether the keypad takes it: digits, of a length that the model knows [KB]."""
    pin = code.rpartition("#")[2] if apartment_mode else code
    shortest, longest = profile.pin_digits or (0, 0)
    return pin.isascii() and pin.isdigit() and shortest <= len(pin) <= longest


def nobody(_: Row, __: str) -> bool:
    return False


# The labels PIN, Card and Face are [PLs]; the others, and that a QR code carries the PIN, are [G].
KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            name="pin",
            label="PIN",
            test=has_pin,
            valid="ValidCodeEntered",
            invalid="InvalidCodeEntered",
        ),
        Kind(
            name="card",
            label="Card",
            test=has_card,
            valid="ValidCardEntered",
            invalid="InvalidCardEntered",
            variable="card_sn",
        ),
        Kind(
            name="face",
            label="Face",
            test=has_face,
            valid="ValidFaceRecognition",
            invalid="InvalidFaceRecognition",
        ),
        Kind(
            name="qr",
            label="QR Code",
            test=has_pin,
            valid="ValidQRCodeEntered",
            invalid="InvalidQRCodeEntered",
        ),
        Kind(name="plate", label="License Plate", test=has_plate),
        Kind(name="uhf", label="UHF", test=has_plate),
        Kind(name="api", label="HTTP API", test=nobody),
        Kind(name="input", label="Input", test=nobody),
    )
}
SHOWN = ("pin", "card", "face", "qr", "plate", "uhf")
