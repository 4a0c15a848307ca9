"""The last word on each credential, how many stand how, and since when what was there is gone."""

from datetime import timedelta
from uuid import UUID

from device_adapters.ledger import Ledger
from domain.devices import Outcome, SyncState
from tests.builders import NOW

ANN, BOB = UUID(int=1), UUID(int=2)


def said(state: SyncState, who: UUID = ANN) -> Outcome:
    return Outcome(holder=who, kind="pin", state=state)


def test_d5_it_counts_what_stands_and_not_what_is_gone() -> None:
    ledger = Ledger([said("verified"), said("mismatch", BOB)])
    assert ledger.standing() == {"verified": 1, "mismatch": 1}
    ledger.take([said("withdrawn"), said("verified", BOB)], NOW)
    assert ledger.standing() == {"verified": 1}


def test_d8_what_was_withdrawn_or_replaced_is_gone_since_it_was_proved() -> None:
    ledger, later = Ledger([said("verified")]), NOW + timedelta(minutes=1)
    ledger.take([said("withdrawn")], NOW)
    assert ledger.gone == {(ANN, "pin"): NOW}
    ledger.take([said("pending")], later)
    assert ledger.gone == {}
    ledger.take([said("verified")], later)
    assert ledger.gone == {(ANN, "pin"): later}


def test_d8_control_a_first_proof_says_nothing_of_what_was_before() -> None:
    ledger = Ledger()
    ledger.take([said("verified")], NOW)
    assert ledger.gone == {}
