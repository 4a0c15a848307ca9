"""A phone's memory in a file, so that it outlives a power cut as a real one's does."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from device_adapters.simulator.phone import Phone


class Unreadable(Exception):
    """The file is no memory of that phone."""


def keep(folder: Path, model: str, memory: Mapping[str, Any]) -> None:
    """All or nothing, and for its owner only: it holds codes."""
    path = folder / f"{model}-{memory['mac']}.json"
    folder.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(memory, file)
    new.replace(path)


def recall(folder: Path | None, phone: Phone) -> None:
    """What was kept of this phone, if anything was."""
    path = folder and folder / f"{phone.profile.model}-{phone.mac}.json"
    if not path or not path.exists():
        return
    try:
        phone.restore(json.loads(path.read_text()))
    except (ValueError, KeyError, TypeError) as wrong:
        raise Unreadable(f"{path} does not hold a phone's memory; move it away") from wrong
