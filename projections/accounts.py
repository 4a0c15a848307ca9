"""Who may ask, by name: the operation log shows people, not ids."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from domain.accounts import PLATFORM, AccountClosed, AccountOpened, CommunitiesAssigned, Role
from domain.ids import AccountId, CommunityId
from domain.record import Erased, frozen
from eventlog.consumer import on
from eventlog.port import Batch, Recorded
from projections.projector import Projector, document


@frozen
class AccountDoc:
    """`name` is null once it is forgotten. A closed account stays: the logs name it."""

    account: AccountId
    name: str | None
    role: Role
    communities: tuple[CommunityId, ...]
    open: bool


class Accounts(Projector):
    """All of them are in one community, the platform."""

    name = "accounts"
    tables = """
        create table accounts (
            community uuid,
            account uuid,
            name text,
            role text not null,
            communities uuid[] not null,
            open boolean not null,
            doc text not null,
            primary key (community, account)
        )"""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.accounts = self.gather("accounts", "account")

    @on(AccountOpened)
    def opened(self, batch: Batch[AccountOpened]) -> None:
        for r in batch:
            self.accounts.set(
                r.community,
                r.event.account,
                name=None if isinstance(r.event.name, Erased) else r.event.name,
                role=r.event.role,
                communities=sorted(r.event.communities),
                open=True,
            )

    @on(CommunitiesAssigned)
    def assigned(self, batch: Batch[CommunitiesAssigned]) -> None:
        for r in batch:
            all_of_them = sorted(r.event.communities)
            self.accounts.set(r.community, r.event.account, communities=all_of_them)

    @on(AccountClosed)
    def closed(self, batch: Batch[AccountClosed]) -> None:
        for r in batch:
            self.accounts.set(r.community, r.event.account, open=False)

    def settle(self, batch: Sequence[Recorded[Any]]) -> None:
        rows = self.gathered(self.accounts)
        self.put("accounts", ({**row, "doc": document(said(row))} for row in rows))

    def account(self, account: UUID) -> str:
        return self.one("accounts", PLATFORM, "account", account)

    def names(self, actors: Collection[str]) -> dict[str, str]:
        """Of those actors, as a log names them, that are accounts with a known name."""
        rows = self.db.execute(
            "select account::text, name from accounts"
            " where community = %s and account::text = any(%s) and name is not null",
            [PLATFORM, list(actors)],
        ).fetchall()
        return dict(rows)

    def called(self, words: str, most: int) -> tuple[str, ...]:
        """Whose name has all the words, as a log names actors."""
        rows = self.db.execute(
            "select account::text from accounts where community = %s and name is not null"
            " and not exists (select from unnest(%s::text[]) word"
            " where strpos(lower(name), word) = 0) order by account limit %s",
            [PLATFORM, words.lower().split(), most],
        ).fetchall()
        return tuple(account for (account,) in rows)


def said(row: dict[str, Any]) -> AccountDoc:
    shown = {name: row[name] for name in row if name not in ("community", "doc")}
    return AccountDoc(**shown | {"communities": tuple(row["communities"])})
