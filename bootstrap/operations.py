"""What an operator asks for at the terminal."""

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

import psycopg
from uuid_utils.compat import uuid7

from bootstrap.house import follows, read_models, the_house
from commands.accounts import (
    AssignCommunities,
    IssueToken,
    OpenAccount,
    RevokeToken,
    digest_of,
)
from config import Config
from domain.accounts import PLATFORM, Actor, Role, TokenId, token_claim
from domain.ids import AccountId, CommunityId
from eventlog import migrations
from eventlog.audit import Taken, differences
from eventlog.port import MAX_BATCH, Batch
from eventlog.postgres import PostgresLog
from status import figures

if TYPE_CHECKING:
    from eventlog.kafka.relay import Source

OPERATOR = Actor(name="house:operator", role="system")


def migrate() -> None:
    migrations.migrate(Config.from_env().database.owner)


def make_token(role: Role, name: str, communities: Sequence[UUID], *, replace: bool = False) -> str:
    """A new token of the account of this role and name; `replace` ends the one made so before."""
    with the_house() as house:
        for home in map(CommunityId, communities):
            if not house.log.streams(home, [home])[home]:
                raise LookupError(f"no community has the id {home}")
        account = AccountId(uuid5(PLATFORM, f"{role}/{name}"))
        token = secrets.token_urlsafe(32)
        id = TokenId(uuid5(account, "token") if replace else uuid7())

        def say(command: object) -> None:
            house.bus.dispatch(command, community=PLATFORM, actor=OPERATOR)

        say(OpenAccount(account=account, name=name, role=role))
        if communities:
            assigned = frozenset(map(CommunityId, communities))
            say(AssignCommunities(account=account, communities=assigned))
        say(RevokeToken(token=id))
        say(IssueToken(token=id, account=account, digest=digest_of(token)))
        return token


def seed_demo(token: str, say: Callable[[str], None]) -> None:
    import demo  # it writes spreadsheets, and what does that takes a while to import

    config = Config.from_env()
    first = demo.phones_port(config.port)
    phones = [f"http://127.0.0.1:{first + n}" for n in range(len(demo.FLEET))]
    web = f"http://127.0.0.1:{config.port}"
    gateway = f"http://127.0.0.1:{demo.locks_port(config.port)}"
    demo.seed(web, token, phones, gateway, demo.secret_of(config.data), say)


def end_token(token: str) -> bool:
    """Whether it was in force."""
    with the_house() as house:
        claim = token_claim(digest_of(token.strip()))
        if (id := house.log.owners(PLATFORM, [claim]).get(claim)) is None:
            return False
        house.bus.dispatch(RevokeToken(token=TokenId(id)), community=PLATFORM, actor=OPERATOR)
        return True


def rebuild(name: str, progress: Callable[[int, int], None]) -> None:
    kinds = {kind.name: kind for kind in read_models()}
    if name not in kinds:
        raise LookupError(f"no read model is called {name}; there are {', '.join(kinds)}")
    with the_house() as house:
        house.runner.rebuild(kinds[name], progress)


def history(log: PostgresLog, after: int = 0) -> Iterator[Any]:
    batch: Batch[Any] = log.read(after=after)
    while batch:
        yield from batch
        batch = log.read(after=batch[-1].position)


def audit_claims() -> list[str]:
    with the_house() as house, psycopg.connect(house.config.database.read) as db:
        rows = db.execute(
            "select community, kind, key, discriminator, owner, place from log.claims"
        )
        stored: list[Taken] = [
            (home, kind, bytes(key), at, who, place) for home, kind, key, at, who, place in rows
        ]
        return list(differences(history(house.log), stored, house.log.vault.digest))


def tail(after: int | None, follow: bool) -> Iterator[str]:
    """A line an event, without anything personal."""
    with the_house() as house:
        position = max(0, house.log.head() - 10) if after is None else after
        while batch := house.log.read(after=position, limit=MAX_BATCH, wait=60 if follow else 0):
            for r in batch:
                yield (
                    f"{r.position:>8}  {r.recorded_at:%Y-%m-%d %H:%M:%S}  "
                    f"{type(r.event).__name__:<24} {r.stream}  by {r.actor}"
                )
            position = batch[-1].position


def apply_topics() -> list[str]:
    """What was made or mended."""
    from eventlog.kafka.client import admin
    from eventlog.kafka.topics import apply, manifest

    with closing(admin(Config.from_env().wanted_broker())) as client:
        return list(apply(client, manifest()))


def audit_stream(say: Callable[[str], None]) -> int:
    """How many leaves of the topics are not as the logs have them; each is told."""
    from eventlog.kafka.audit import Audit
    from eventlog.kafka.client import consumer, eager
    from eventlog.kafka.relay import OUTLETS, kept

    found = 0
    with the_house() as house, house.project("doors") as db:
        sources: dict[str, Source] = {"events": house.log, "reports": house.raw_reports}
        for name, outlet in OUTLETS.items():
            place = kept(db, outlet)
            upto, broker = place.position if place else 0, house.config.wanted_broker()
            with closing(consumer(broker)) as reader, closing(eager(broker)) as ahead:
                audit = Audit(outlet, sources[name], reader, ahead, upto)
                for difference in audit.differences():
                    say(difference)
                    found += 1
            say(
                f"{outlet.topic}: {audit.equal} equal, {audit.waiting} not yet relayed,"
                f" {audit.aged} let go by age, {audit.replayed} replayed"
            )
    return found


def replay_stream(name: str, first: int) -> str:
    """What the relay will do as soon as it can."""
    from eventlog.kafka.relay import OUTLETS, ask_replay

    outlet = OUTLETS[name]
    with the_house() as house, house.project("doors") as db:
        many = ask_replay(db, outlet, first)
    if many is None:
        raise LookupError(f"nothing of the {name} was ever published: `gatehouse run relay`")
    return f"the relay will publish {many} {name} to {outlet.topic} again, from position {first}"


def status() -> dict[str, object]:
    """What stands where, for `gatehouse status`."""
    return figures(Config.from_env().database.read, follows())
