from typing import Any

from domain.record import frozen
from schemas.catalogue import PAGE, page
from schemas.stream import stored


def test_the_page_of_all_facts_is_up_to_date() -> None:
    """If this fails, run `make docs`."""
    assert PAGE.read_text() == page(stored())


def test_it_says_what_is_sealed_and_what_is_open() -> None:
    [row] = [line for line in page(stored()).splitlines() if line.startswith("| PinIssued |")]
    assert "pin: str (**sealed**)" in row
    assert "pin_mode: pin / apt_pin" in row


def test_a_new_kind_or_a_new_field_makes_it_outdated() -> None:
    for name in ("Noted", "PinRevoked"):
        plain: Any = type(name, (), {"__annotations__": {"x": str}})
        assert page(stored() | {name: frozen(plain)}) != PAGE.read_text()
