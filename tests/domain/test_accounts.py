from dataclasses import replace

import pytest

from domain.accounts import Account, AccountOpened, CommunitiesAssigned, open_account
from domain.ids import AccountId
from domain.kernel import Refused, fold
from tests.builders import HARBOUR

ANN = AccountOpened(
    account=AccountId(HARBOUR), name="Harbour office", role="manager", communities=frozenset()
)


def test_who_is_open_already_is_so_whatever_was_assigned_since() -> None:
    """A second token of the same name asks for it (`gatehouse token create`)."""
    assigned = CommunitiesAssigned(account=ANN.account, communities=frozenset({HARBOUR}))
    assert open_account(fold(Account, [ANN, assigned]), ANN) == []


def test_another_name_under_the_same_id_is_refused() -> None:
    other = replace(ANN, name="Marina office")
    with pytest.raises(Refused):
        open_account(fold(Account, [ANN]), other)
