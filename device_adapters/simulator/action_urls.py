"""The URLs that a phone calls when something happens, with its variables filled in (S16)."""

import re
from collections.abc import Mapping
from urllib.parse import quote


def filled(url: str, values: Mapping[str, str]) -> str:
    """`http://x/?mac=$mac` with what is known; an unknown variable stays as it is."""
    return re.sub(r"\$(\w+)", lambda found: _value(found, values), url)


def _value(found: re.Match[str], values: Mapping[str, str]) -> str:
    name = found[1]
    return quote(values[name], safe="") if name in values else found[0]
