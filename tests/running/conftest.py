"""One running system for this folder: it takes seconds to start, and is made to be killed."""

from collections.abc import Iterator

import pytest

from tests.running.clients import a_client, settle
from tests.running.history import History
from tests.running.installation import Installation, an_installation
from tests.running.ledger import Ledger


@pytest.fixture(scope="package")
def running() -> Iterator[Installation]:
    with an_installation() as running:
        yield running


@pytest.fixture(scope="package")
def history(running: Installation) -> Iterator[History]:
    """Of everything that anybody asked of it, from the first command on."""
    with History(running.folder / "history.jsonl") as history:
        with a_client(running, history, seed=100) as client:
            settle(client, running)
        yield history


@pytest.fixture(scope="package")
def ledger(running: Installation, history: History) -> Ledger:
    return Ledger(running.house.log)
