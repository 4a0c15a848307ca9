"""What was found when, and since when something is wanted: however the log is cut, and anew."""

from hypothesis import given as forall
from hypothesis import strategies as st

from config import Database
from domain.devices import DeviceRemoved, DeviceReplaced, Outcome, SyncState
from domain.kernel import Event
from domain.sync import StrangersFound, StrangersPolicyChosen
from projections.devices.changes import Changes
from projections.projector import document
from projections.sync import HistoryDoc, StrangersDoc, SyncHistory
from tests.builders import ANN, BOB, GATE, GYM, HARBOUR, a_box, a_device, synced
from tests.projections.histories import histories
from tests.projections.properties import cuts_alike, few, is_its_schemas
from tests.read_models import House

STATES: tuple[SyncState, ...] = ("pending", "verified", "withdrawn", "mismatch")
WORDS = [
    synced(device, Outcome(holder=who, kind="pin", state=state))
    for device in (GATE, GYM)
    for who in (ANN, BOB)
    for state in STATES
]
REST: list[Event] = [
    StrangersFound(sync=WORDS[0].sync, device=GATE, records=2),
    StrangersPolicyChosen(device=GYM, policy="remove"),
]
HEARD = st.lists(st.sampled_from(WORDS), max_size=8, unique_by=lambda e: e.sync)


@few
@forall(HEARD, st.booleans(), st.integers(1, 5))
def test_any_cut_into_batches_and_a_rebuild_give_the_same_words(
    module_database: Database, heard: list[Event], replaced: bool, batch: int
) -> None:
    box = a_box("http://127.0.0.1:9000", "0C11050AFFFF", "R29")
    again: list[Event] = [DeviceReplaced(device=GATE, box=box, login=None)] if replaced else []
    past = [a_device(GATE, "Gate"), a_device(GYM, "Gym"), *heard, *again, *REST]
    cuts_alike(module_database, SyncHistory, [*past, DeviceRemoved(device=GYM)], batch)


@few
@forall(histories(), st.integers(1, 7))
def test_any_cut_into_batches_and_a_rebuild_give_the_same_times(
    module_database: Database, past: list[Event], batch: int
) -> None:
    cuts_alike(module_database, Changes, past, batch)


def test_its_documents_are_what_their_schemas_say(module_database: Database) -> None:
    house = House(module_database)
    house.forget(SyncHistory)
    house.happened(a_device(GATE, "Gate"), *WORDS[:4], *REST[:1])
    house.project(SyncHistory)
    with house.reading(SyncHistory) as model:
        is_its_schemas(document(model.of(HARBOUR, GATE, ANN, None)), HistoryDoc)
        is_its_schemas(document(model.strangers(HARBOUR, GATE)), StrangersDoc)
