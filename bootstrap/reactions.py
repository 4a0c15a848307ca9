"""What the reactions' process is made of."""

from contextlib import closing
from functools import partial
from threading import Event as Flag

from bootstrap.carriers import REACTIONS, carrier
from bootstrap.house import House
from commands.reactions import Positions, Reacting
from eventlog import following
from eventlog.bus import opened
from eventlog.postgres import Connections
from eventlog.reports import ReportCodec


def run_reactions(house: House, stop: Flag) -> None:
    """They follow what doors report; a partition that cannot go on waits to be looked at (E10)."""
    bus, bury = carrier(house, "reports", house.raw_reports, REACTIONS)
    connections = Connections(house.config.database.project, most=1)
    reacting = Reacting(
        "reports",
        house.raw_reports,
        partial(opened, codec=ReportCodec(), keys=lambda community, subjects: {}),
        house.dispatch,
        Positions(connections.rows),
        bury,
        following.alarm,
    )
    with closing(bus), closing(connections):
        following.run(bus, reacting, stop)
