"""The log on PostgreSQL: one append function, group commit, sealed bodies, one order."""

from eventlog.postgres.connections import Connections
from eventlog.postgres.keys import PostgresVault
from eventlog.postgres.log import PostgresLog

__all__ = ["Connections", "PostgresLog", "PostgresVault"]
