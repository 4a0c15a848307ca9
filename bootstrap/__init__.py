"""The only place that knows every part: it finds them, and gives each what it needs."""

from bootstrap.checking import check_devices
from bootstrap.dead_letters import dead_letters, redrive
from bootstrap.house import House, discover, read_models
from bootstrap.operations import (
    OPERATOR,
    apply_topics,
    audit_claims,
    audit_stream,
    end_token,
    make_token,
    migrate,
    rebuild,
    replay_stream,
    seed_demo,
    status,
    tail,
)
from bootstrap.processes import run

__all__ = [
    "OPERATOR",
    "House",
    "apply_topics",
    "audit_claims",
    "audit_stream",
    "check_devices",
    "dead_letters",
    "discover",
    "end_token",
    "make_token",
    "migrate",
    "read_models",
    "rebuild",
    "redrive",
    "replay_stream",
    "run",
    "seed_demo",
    "status",
    "tail",
]
