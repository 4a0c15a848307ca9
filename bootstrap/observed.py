"""Commands as an operator sees them: what became of them, how long it took, where they are."""

from time import perf_counter
from typing import Any
from uuid import UUID

import structlog
from prometheus_client import Histogram

from commands.bus import Dispatch
from domain.accounts import Actor
from domain.ids import CommunityId
from domain.kernel import Refused
from eventlog.port import Accepted, Conflict, Unavailable

SECONDS = Histogram(
    "gatehouse_command_seconds",
    "From the decoded command to its answer, the append included",
    ["command", "outcome"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
OUTCOMES: dict[type[Exception], str] = {
    Refused: "refused",
    Conflict: "conflict",
    Unavailable: "unavailable",
}
log = structlog.get_logger()


def observed(dispatch: Dispatch) -> Dispatch:
    """Nothing that a command holds is told, only its kind."""

    def observe(command: object, *, community: CommunityId, actor: Actor, **rest: Any) -> Accepted:
        name, begun = type(command).__name__, perf_counter()
        told = log.bind(command=name, community=str(community), actor=actor.name)
        try:
            answer = dispatch(command, community=community, actor=actor, **rest)
        except Exception as failure:
            outcome = OUTCOMES.get(type(failure), "invalid")
            code = {"code": failure.code} if isinstance(failure, Refused) else {}
            told.info(outcome, command_id=said(rest.get("command_id")), **code)
            raise
        else:
            outcome = "accepted"
            told.info(
                outcome,
                command_id=str(answer.command_id),
                position=answer.position,
                events=answer.events,
            )
            return answer
        finally:
            SECONDS.labels(name, outcome).observe(perf_counter() - begun)

    return observe


def said(id: UUID | None) -> str | None:
    return str(id) if id else None
