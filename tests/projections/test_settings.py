"""M113, M115, M116, M39: what a community has decided about itself."""

import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from config import Database
from domain.kernel import Event, Unknown
from domain.settings import (
    CommunityRenamed,
    DeletingAccountsPermitted,
    PinModeChanged,
    TimeZoneChanged,
)
from projections.settings import CommunitySettings, SettingsDoc
from tests.builders import ELSEWHERE, HARBOUR, a_community
from tests.projections.properties import cuts_alike, docs, few, is_its_schemas
from tests.read_models import House

HARBOURS = {
    "community": str(HARBOUR),
    "name": "Harbour Quarter",
    "zone": "UTC",
    "pin_mode": "pin",
    "may_delete_accounts": False,
}
CHANGES = [
    CommunityRenamed(community=HARBOUR, name="Marina"),
    TimeZoneChanged(community=HARBOUR, zone="Asia/Shanghai"),
    PinModeChanged(community=HARBOUR, pin_mode="apt_pin"),
    DeletingAccountsPermitted(community=HARBOUR, permitted=True),
    DeletingAccountsPermitted(community=HARBOUR, permitted=False),
]


def shown(house: House, community: Any = HARBOUR) -> Any:
    house.project(CommunitySettings)
    with house.reading(CommunitySettings) as model:
        return json.loads(model.of(community))


@pytest.fixture
def house(module_database: Database) -> House:
    house = House(module_database)
    house.forget(CommunitySettings)
    house.happened(a_community())
    house.happened(a_community(zone="Europe/Lisbon", home=ELSEWHERE), community=ELSEWHERE)
    return house


def test_a_community_shows_what_it_was_created_with(house: House) -> None:
    assert shown(house) == HARBOURS
    assert shown(house, ELSEWHERE)["zone"] == "Europe/Lisbon"


def test_m113_m115_m116_m39_changes_show_and_only_there(house: House) -> None:
    house.happened(*CHANGES[:4])
    changed = {
        "name": "Marina",
        "zone": "Asia/Shanghai",
        "pin_mode": "apt_pin",
        "may_delete_accounts": True,
    }
    assert shown(house) == HARBOURS | changed
    assert shown(house, ELSEWHERE)["name"] == "Harbour Quarter"
    house.happened(CHANGES[4])
    assert not shown(house)["may_delete_accounts"]


def test_what_nobody_has_opened_is_unknown(house: House) -> None:
    with pytest.raises(Unknown):
        shown(house, UUID(int=3))


def test_documents_are_their_schemas(house: House) -> None:
    house.project(CommunitySettings)
    for doc in docs(house, CommunitySettings):
        is_its_schemas(doc, SettingsDoc)


@few
@forall(st.lists(st.sampled_from(CHANGES), max_size=8), st.integers(1, 4))
def test_any_cut_into_batches_and_a_rebuild_give_the_same_rows(
    module_database: Database, changes: list[Event], batch: int
) -> None:
    cuts_alike(module_database, CommunitySettings, [a_community(), *changes], batch)
