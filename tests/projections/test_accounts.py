"""Names of those who ask, for the logs."""

import json
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from config import Database
from domain.accounts import PLATFORM, AccountClosed, CommunitiesAssigned
from domain.ids import AccountId
from domain.kernel import Event, Unknown
from domain.record import ERASED
from projections.accounts import AccountDoc, Accounts
from tests.builders import ELSEWHERE, HARBOUR, an_account
from tests.projections.properties import cuts_alike, docs, few, is_its_schemas
from tests.read_models import House

ASTA, BEAT = AccountId(UUID(int=91)), AccountId(UUID(int=92))
PAST: list[Event] = [
    an_account(ASTA, "Asta", "manager", HARBOUR),
    an_account(BEAT, "Beat", "installer"),
]
CHANGES: list[Event] = [
    CommunitiesAssigned(account=ASTA, communities=frozenset({HARBOUR, ELSEWHERE})),
    CommunitiesAssigned(account=BEAT, communities=frozenset()),
    AccountClosed(account=BEAT),
]


@pytest.fixture
def house(module_database: Database) -> House:
    house = House(module_database)
    house.forget(Accounts)
    house.happened(*PAST, community=PLATFORM)
    return house


def test_names_are_found_by_what_the_log_calls_an_actor(house: House) -> None:
    house.project(Accounts)
    with house.reading(Accounts) as model:
        asked = [str(ASTA), str(BEAT), "house:adapters", str(UUID(int=99))]
        assert model.names(asked) == {str(ASTA): "Asta", str(BEAT): "Beat"}
        assert model.names([str(BEAT)]) == {str(BEAT): "Beat"}


def test_a_closed_account_is_still_named_and_a_forgotten_one_is_not(house: House) -> None:
    house.happened(AccountClosed(account=ASTA), community=PLATFORM)
    gone = replace(an_account(AccountId(UUID(int=93))), name=ERASED)
    house.happened(gone, community=PLATFORM)
    house.project(Accounts)
    with house.reading(Accounts) as model:
        assert model.names([str(ASTA), str(UUID(int=93))]) == {str(ASTA): "Asta"}
        assert json.loads(model.account(ASTA)) == {
            "account": str(ASTA),
            "name": "Asta",
            "role": "manager",
            "communities": [str(HARBOUR)],
            "open": False,
        }
        with pytest.raises(Unknown):
            model.account(UUID(int=99))


def test_documents_are_their_schemas(house: House) -> None:
    house.happened(*CHANGES, community=PLATFORM)
    house.project(Accounts)
    for doc in docs(house, Accounts):
        is_its_schemas(doc, AccountDoc)


@few
@forall(st.lists(st.sampled_from(CHANGES), max_size=8), st.integers(1, 4))
def test_any_cut_into_batches_and_a_rebuild_give_the_same_rows(
    module_database: Database, changes: list[Event], batch: int
) -> None:
    cuts_alike(module_database, Accounts, [*PAST, *changes], batch)
