"""Whether all is well in the end: the log bears the clients out, phones hold what they should."""

from collections.abc import Iterable

import psycopg
from psycopg.rows import class_row

from tests.running.clients import Client
from tests.running.history import History, Stored, differences
from tests.running.installation import MODELS, PATIENCE, Installation, until
from tests.running.ledger import Ledger
from tests.running.watch import verified

LOG = "select position, stream, version, command_id, actor from log.events order by position"


def unborne(running: Installation, history: History) -> list[str]:
    """K0: what clients were told and the log does not bear out."""
    lines = history.lines()
    with psycopg.connect(running.config.database.read) as db:
        log = db.cursor(row_factory=class_row(Stored)).execute(LOG).fetchall()
    first = next(event for event in log if event.command_id == lines[0].command_id)
    return differences(lines, log, first.actor)


def converge(
    running: Installation,
    ledger: Ledger,
    phones: Iterable[int] = range(len(MODELS)),
    within: float = PATIENCE,
) -> list[str]:
    """What is still wrong with the phones, if patience runs out."""
    wrong = list[str]()

    def is_right() -> bool:
        ledger.follow()
        states = [(n, running.phones.state(n)) for n in phones]
        wrong[:] = [line for n, state in states for line in ledger.wrong(n, state)]
        return not wrong

    try:
        until(is_right, within)
    except AssertionError:
        return wrong
    return []


def missaid(client: Client, ledger: Ledger) -> list[str]:
    """Where the API says anything else of what is on the phones."""
    wrong = list[str]()
    for n in range(len(MODELS)):
        wanted = {c for c, (state, _) in ledger.outcomes(n).items() if state == "verified"}
        said = (verified(client, n, ledger.position) or {}).keys()
        wrong += [f"phone {n}: {who} {kind} is shown otherwise" for who, kind in wanted ^ said]
    return wrong
