"""Who may ask what: accounts, their tokens, and whose a token is."""

from dataclasses import dataclass, field
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
from domain.record import frozen
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


class Tokens:
    """Whose a token is, by the log itself, so that a revoked one ends with the next request.

    Only where a token and its account are kept is remembered, never what they are worth.
    """

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._places: dict[str, tuple[TokenId, AccountId]] = {}

    def account_of(self, token: str) -> Account | None:
        digest = digest_of(token)
        place = self._places.get(digest) or self._place(digest)
        if place is None:
            return None
        id, account = place
        found = self._log.streams(PLATFORM, place)
        known = fold(Token, found[id])
        if known is None or (known.digest, known.account) != (digest, account):
            self._places.pop(digest, None)
            return None
        self._places[digest] = place
        return fold(Account, found[account])

    def _place(self, digest: str) -> tuple[TokenId, AccountId] | None:
        claim = accounts.token_claim(digest)
        if (id := self._log.owners(PLATFORM, [claim]).get(claim)) is None:
            return None
        known = fold(Token, self._log.streams(PLATFORM, [id])[id])
        return (known.token, known.account) if known else None


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
