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
from bootstrap.web import create_app

__all__ = [
    "OPERATOR",
    "House",
    "apply_topics",
    "audit_claims",
    "audit_stream",
    "check_devices",
    "create_app",
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
