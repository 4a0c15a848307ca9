"""What an Akuvox phone says of its relays and inputs, which it calls by letters."""

import re
from collections.abc import Mapping
from typing import Final

from device_adapters.port import Garbled

LETTERS: Final = "ABCDEFGH"
IS_OPEN: Final[Mapping[str, bool]] = {  # a relay: 0 is closed, 1 is open [KB]; words [PLs]
    "open": True,
    "1": True,
    "closed": False,
    "close": False,
    "0": False,
}
IS_CLOSED: Final[Mapping[str, bool]] = {  # a contact at an input [G]
    "closed": True,
    "close": True,
    "1": True,
    "open": False,
    "0": False,
}


def by_number(what: str, words: Mapping[str, bool], said: Mapping[str, object]) -> dict[int, bool]:
    """`RelayA` is 1. What stands for neither is Garbled: it must be no proof of anything."""
    found = dict[int, bool]()
    for name, value in said.items():
        if number := re.fullmatch(f"{what}([{LETTERS}])", name):
            if (word := str(value).strip().lower()) not in words:
                raise Garbled(f"the state of {name}")
            found[LETTERS.index(number[1]) + 1] = words[word]
    return found
