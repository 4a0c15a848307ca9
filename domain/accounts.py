"""Who may ask: installers, property managers, and the house itself."""

from dataclasses import replace
from typing import Literal, NewType, Self
from uuid import UUID

from domain.ids import AccountId, CommunityId
from domain.kernel import Claim, Event, begin, event
from domain.record import Personal, frozen
from domain.settings import legal_name

Role = Literal["installer", "manager", "system"]
TokenId = NewType("TokenId", UUID)
PLATFORM = CommunityId(UUID(int=0))  # where accounts are kept; nobody lives there


@frozen
class Actor:
    """Who a command comes from: an account, or a part of the house by its name."""

    name: str
    role: Role


@event
class AccountOpened(Event):
    stream = subject = "account"
    account: AccountId
    name: Personal[str]
    role: Role
    communities: frozenset[CommunityId]


@event
class CommunitiesAssigned(Event):
    """The whole set that the account may touch, beside those that it opened itself."""

    stream = "account"
    account: AccountId
    communities: frozenset[CommunityId]


@event
class AccountClosed(Event):
    stream = "account"
    account: AccountId


@event
class TokenIssued(Event):
    """`digest` is the SHA-256 of a random token, in hex; the token itself is nowhere."""

    stream = "token"
    subject = "account"
    token: TokenId
    account: AccountId
    digest: Personal[str]

    def claims(self) -> list[Claim]:
        return [token_claim(self.digest)]


@event
class TokenRevoked(Event):
    stream = "token"
    releases = ("token",)
    token: TokenId


@frozen
class Account:
    account: AccountId
    name: Personal[str]
    role: Role
    communities: frozenset[CommunityId]

    @classmethod
    def evolve(cls, state: Self | None, event: Event) -> Self | None:
        match state, event:
            case None, AccountOpened() as e:
                return cls(account=e.account, name=e.name, role=e.role, communities=e.communities)
            case Account(), CommunitiesAssigned(communities=communities):
                return replace(state, communities=communities)
            case Account(), AccountClosed():
                return None
        return state


@frozen
class Token:
    token: TokenId
    account: AccountId
    digest: Personal[str]

    @classmethod
    def evolve(cls, state: Self | None, event: Event) -> Self | None:
        match state, event:
            case None, TokenIssued() as e:
                return cls(token=e.token, account=e.account, digest=e.digest)
            case Token(), TokenRevoked():
                return None
        return state


def token_claim(digest: Personal[str]) -> Claim:
    return Claim(kind="token", value=digest)


def open_account(known: Account | None, wanted: AccountOpened) -> list[Event]:
    if isinstance(wanted.name, str):
        legal_name(wanted.name)
    if known and (known.name, known.role) == (wanted.name, wanted.role):
        return []  # whatever was assigned to it since
    return begin(known, wanted)


def assign(now: Account, communities: frozenset[CommunityId]) -> list[Event]:
    if communities == now.communities:
        return []
    return [CommunitiesAssigned(account=now.account, communities=communities)]
