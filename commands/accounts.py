"""Who may ask what: accounts, their tokens, and whose a token is."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from hashlib import sha256

from commands.bus import Things, handles
from domain import accounts
from domain.accounts import (
    PLATFORM,
    Account,
    AccountOpened,
    Actor,
    Role,
    Token,
    TokenId,
    TokenIssued,
    TokenRevoked,
)
from domain.ids import AccountId, CommunityId
from domain.kernel import Event, begin, fold
from domain.record import ERASED, frozen
from domain.settings import Settings
from eventlog.port import EventLog


@frozen
class OpenAccount:
    """Said by the operator on the machine itself (`gatehouse token create`): it has no route."""

    account: AccountId
    name: str
    role: Role
    communities: frozenset[CommunityId] = frozenset()


@handles(OpenAccount)
def open_account(cmd: OpenAccount, things: Things) -> list[Event]:
    things.only("system")
    opened = AccountOpened(
        account=cmd.account, name=cmd.name, role=cmd.role, communities=cmd.communities
    )
    return accounts.open_account(things.find(Account, cmd.account), opened)


@frozen
class AssignCommunities:
    account: AccountId
    communities: frozenset[CommunityId]


@handles(AssignCommunities)
def assign_communities(cmd: AssignCommunities, things: Things) -> list[Event]:
    things.only("system")
    return accounts.assign(things.load(Account, cmd.account), cmd.communities)


@frozen
class IssueToken:
    """`digest` as `digest_of` makes it."""

    token: TokenId
    account: AccountId
    digest: str


@handles(IssueToken)
def issue_token(cmd: IssueToken, things: Things) -> list[Event]:
    things.only("system")
    things.load(Account, cmd.account)
    issued = TokenIssued(token=cmd.token, account=cmd.account, digest=cmd.digest)
    return begin(things.find(Token, cmd.token), issued)


@frozen
class RevokeToken:
    token: TokenId


@handles(RevokeToken)
def revoke_token(cmd: RevokeToken, things: Things) -> list[Event]:
    things.only("system")
    known = things.find(Token, cmd.token)
    return [TokenRevoked(token=cmd.token)] if known else []


def digest_of(token: str) -> str:
    """A token is 256 random bits: a plain hash cannot be searched backwards."""
    return sha256(token.encode()).hexdigest()


@frozen
class Known:
    """A token in force: its account, and how many events said what both of them are."""

    token: TokenId
    account: Account
    events: int


class Tokens:
    """Whose a token is, by the log itself, so that a revoked one ends with the next request.

    Streams only grow: a token is what it was as long as `count` finds as many events of the token
    and its account as before. It finds none once the account is forgotten; nor is its name kept.
    """

    def __init__(self, log: EventLog, count: Callable[[TokenId, AccountId], int]) -> None:
        self._log, self._count = log, count
        self._known: dict[str, Known] = {}

    def account_of(self, token: str) -> Account | None:
        digest = digest_of(token)
        known = self._known.get(digest)
        if known and self._count(known.token, known.account.account) == known.events:
            return known.account
        self._known.pop(digest, None)
        if known := self._look_up(digest):
            self._known[digest] = known
            return known.account
        return None

    def _look_up(self, digest: str) -> Known | None:
        claim = accounts.token_claim(digest)
        if (id := self._log.owners(PLATFORM, [claim]).get(claim)) is None:
            return None
        named = fold(Token, self._log.streams(PLATFORM, [id])[id])
        if named is None:
            return None
        found = self._log.streams(PLATFORM, [id, named.account])
        token, account = fold(Token, found[id]), fold(Account, found[named.account])
        if account is None or token is None or token.digest != digest:
            return None
        events = sum(map(len, found.values()))
        return Known(token=token.token, account=replace(account, name=ERASED), events=events)


@dataclass
class Openers:
    """Who opened which community: that never changes, so it is asked once."""

    log: EventLog
    known: dict[CommunityId, str] = field(default_factory=dict)

    def opener(self, community: CommunityId) -> str | None:
        if community not in self.known:
            opened = fold(Settings, self.log.streams(community, [community])[community])
            if opened is None:
                return None
            self.known[community] = opened.installer
        return self.known[community]

    def may_touch(self, account: Account, community: CommunityId) -> bool:
        """Those assigned; for an installer those that it opened, or that nobody has opened yet."""
        if community in account.communities:
            return True
        if account.role != "installer" or community == PLATFORM:
            return False
        return self.opener(community) in (None, str(account.account))


def actor(account: Account) -> Actor:
    return Actor(name=str(account.account), role=account.role)
