"""What is asked of the house each time that its metrics are read."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, LiteralString

import psycopg
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from device_adapters.terms import Snapshot

HEADS: Final[LiteralString] = """
    select 'events' as log, coalesce(max(position), 0) as head from log.events
    union all select 'reports', coalesce(max(position), 0) from log.reports"""
CONSUMERS: Final[LiteralString] = """
    with consumers as (
        select name, position, failed is not null as stopped from read.positions
        union all select name, position, false from doors.positions
    ), followed as (
        select *, coalesce(%s::jsonb ->> name, 'events') as log from consumers
    )
    select name, log, position, stopped, extract(epoch from clock_timestamp() - coalesce(
        (select recorded_at from log.events e
            where log = 'events' and e.position = followed.position + 1),
        (select recorded_at from log.reports r
            where log = 'reports' and r.position = followed.position + 1),
        clock_timestamp()
    ))::float as behind from followed"""


class Standing(Collector):
    """How far every log and everybody who follows one is. `follows`: the log of each read model."""

    def __init__(self, conninfo: str, follows: Mapping[str, str]) -> None:
        self._conninfo, self._follows = conninfo, Jsonb(dict(follows))

    def collect(self) -> Iterable[GaugeMetricFamily]:
        try:
            with psycopg.connect(self._conninfo, connect_timeout=2, row_factory=dict_row) as db:
                heads = {r["log"]: int(r["head"]) for r in db.execute(HEADS)}
                consumers = db.execute(CONSUMERS, [self._follows]).fetchall()
        except psycopg.OperationalError:
            return [gauge("database_up", "Whether PostgreSQL answers", [], [([], 0)])]
        return [
            gauge("database_up", "Whether PostgreSQL answers", [], [([], 1)]),
            gauge("log_position", "The last position of a log", ["log"], by(heads)),
            *followers(heads, consumers),
        ]


def followers(
    heads: Mapping[str, int], consumers: Sequence[Mapping[str, Any]]
) -> Iterable[GaugeMetricFamily]:
    def each(value: Callable[[Mapping[str, Any]], float]) -> Iterable[tuple[list[str], float]]:
        return [([c["name"], c["log"]], value(c)) for c in consumers]

    labels = ["consumer", "log"]
    behind = each(lambda c: max(0, heads[c["log"]] - c["position"]))
    return [
        gauge("consumer_position", "What it has taken in", labels, each(lambda c: c["position"])),
        gauge("consumer_lag_events", "How many it has not yet taken in", labels, behind),
        gauge(
            "consumer_lag_seconds",
            "Age of the oldest that it has not yet taken in",
            labels,
            each(lambda c: max(0.0, c["behind"])),
        ),
        gauge(
            "consumer_stopped",
            "1 if it could not apply an event and has stopped",
            labels,
            each(lambda c: float(c["stopped"])),
        ),
    ]


REACHES: Final = {True: "online", False: "offline", None: "unreached"}


class Phones(Collector):
    """Of the lanes of this process."""

    def __init__(self, told: Callable[[], Sequence[Snapshot]]) -> None:
        self._told = told

    def collect(self) -> Iterable[GaugeMetricFamily]:
        lanes = self._told()
        reaches = Counter(one.online for one in lanes)
        waits = [one.waiting_for for one in lanes if one.waiting_for is not None]
        clocks = [abs(one.clock_off) for one in lanes if one.clock_off is not None]
        states = {name: reaches[online] for online, name in REACHES.items()}
        waiting = sum(one.waiting for one in lanes)
        revocations = sum(one.revocations for one in lanes)
        waiting_by = {"revocation": revocations, "grant": waiting - revocations}
        return [
            gauge("phones", "Door phones by state", ["state"], by(states)),
            gauge(
                "credentials",
                "Of each phone, by what was last found of them",
                ["state"],
                by(in_all(lanes)),
            ),
            gauge("phone_changes_waiting", "Not yet on their phones", ["kind"], by(waiting_by)),
            one_of(
                "phone_change_age_seconds", "How long the oldest has waited", max(waits, default=0)
            ),
            one_of(
                "phone_changes_suspended",
                "Failed three times, and left alone for a while",
                sum(one.suspended for one in lanes),
            ),
            one_of("phone_clock_off_seconds", "The clock that is most off", max(clocks, default=0)),
            one_of(
                "phone_strangers",
                "Records on phones that somebody entered by hand",
                sum(one.strangers for one in lanes),
            ),
        ]


def in_all(lanes: Sequence[Snapshot]) -> Mapping[str, float]:
    """Credentials of all phones, by state."""
    counts = Counter[str]()
    for one in lanes:
        counts.update(one.states)
    return counts


def by(values: Mapping[str, float]) -> Iterable[tuple[list[str], float]]:
    return [([name], value) for name, value in values.items()]


def one_of(name: str, help: str, value: float) -> GaugeMetricFamily:
    return gauge(name, help, [], [([], value)])


def gauge(
    name: str, help: str, labels: Sequence[str], values: Iterable[tuple[list[str], float]]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"gatehouse_{name}", help, labels=labels)
    for of, value in values:
        family.add_metric(of, value)
    return family
