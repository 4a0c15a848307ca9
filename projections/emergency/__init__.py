"""Emergencies: what is ordered of which door and what came of it, now and in each order's report
(M118, N16).
"""

import json
from collections.abc import Sequence
from typing import Any, LiteralString
from uuid import UUID

from psycopg import sql
from psycopg.rows import dict_row

from domain.access_groups import Door
from domain.devices import DeviceEdited, DeviceRegistered, DeviceRemoved
from domain.emergency import (
    DoorsTried,
    EmergencyAlarmChecked,
    EmergencySettingChanged,
    LockOrdered,
    UnlockOrdered,
    standing,
)
from domain.ids import CommunityId
from domain.kernel import Unknown
from eventlog.consumer import on
from eventlog.port import Batch, Recorded
from projections.emergency import docs
from projections.emergency.docs import EmergencyDoc, OrderDoc, ReportDoc, Standing
from projections.listing import Key as After
from projections.listing import Listing, Page
from projections.projector import Projector, Row, document

FOUND = """
    insert into emergency_results as kept
        (community, id, device, relay, state, shown, at, verified_at, reason)
    values (%(community)s, %(id)s, %(device)s, %(relay)s, %(state)s, %(shown)s, %(at)s,
        %(verified_at)s, %(reason)s)
    on conflict (community, id, device, relay) do update set
        verified_at = least(kept.verified_at, excluded.verified_at),
        (state, shown, at, reason) = (
            select n.state, n.shown, n.at, n.reason from (values
                (kept.state, kept.shown, kept.at, kept.reason, 0),
                (excluded.state, excluded.shown, excluded.at, excluded.reason, 1)
            ) as n (state, shown, at, reason, turn) order by n.at desc, n.turn desc limit 1)"""


class Emergencies(Projector):
    name = "emergency"
    tables = """
        create table emergency (
            community uuid primary key,
            automatic boolean not null,
            doors text
        );
        create table emergency_devices (
            community uuid,
            device uuid,
            called text not null,
            relays text not null,
            gone boolean not null,
            primary key (community, device)
        );
        create table emergency_orders (
            community uuid,
            id uuid,
            generation bigint not null,
            opens boolean not null,
            doors text,
            cause text not null,
            drill boolean not null,
            given_at timestamptz not null,
            given_by text not null,
            alarm uuid,
            stands boolean not null,
            doc text not null,
            primary key (community, id)
        );
        create index on emergency_orders (community, given_at desc, id desc);
        create index on emergency_orders (community) where stands;
        create table emergency_results (
            community uuid,
            id uuid,
            device uuid,
            relay int,
            state text not null,
            shown boolean,
            at timestamptz not null,
            verified_at timestamptz,
            reason text,
            primary key (community, id, device, relay)
        );
        create table emergency_checks (
            community uuid,
            alarm uuid,
            device uuid not null,
            finding text not null,
            reason text not null,
            heard_at timestamptz not null,
            primary key (community, alarm)
        );
        create index on emergency_checks (community, heard_at desc)"""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.devices = self.gather("emergency_devices", "device")
        self.orders = self.gather("emergency_orders", "id")
        self.checks = self.gather("emergency_checks", "alarm")
        self.settings: list[Row] = []
        self.results: list[Row] = []

    def apply(self, batch: Sequence[Recorded[Any]]) -> None:
        self.settings, self.results = [], []  # of a batch that failed
        super().apply(batch)

    @on(DeviceRegistered, DeviceEdited)
    def named(self, batch: Batch[DeviceRegistered | DeviceEdited]) -> None:
        for r in batch:
            relays = json.dumps([[relay.number, relay.name] for relay in r.event.relays])
            told = {"called": r.event.name, "relays": relays, "gone": False}
            self.devices.set(r.community, r.event.device, **told)

    @on(DeviceRemoved)
    def removed(self, batch: Batch[DeviceRemoved]) -> None:
        """Reports still name it."""
        for r in batch:
            self.devices.amend(r.community, r.event.device, gone=True)

    @on(EmergencySettingChanged)
    def set_up(self, batch: Batch[EmergencySettingChanged]) -> None:
        for r in batch:
            doors = docs.told(r.event.doors)
            chosen = {"automatic": r.event.automatic, "doors": doors}
            self.settings.append({"community": r.community, **chosen})

    @on(UnlockOrdered, LockOrdered)
    def ordered(self, batch: Batch[UnlockOrdered | LockOrdered]) -> None:
        for r in batch:
            e = r.event
            opens = isinstance(e, UnlockOrdered)
            self.orders.set(
                r.community,
                e.order,
                generation=e.generation,
                opens=opens,
                doors=docs.told(e.doors),
                cause=e.cause,
                drill=e.drill if isinstance(e, UnlockOrdered) else False,
                given_at=e.given_at,
                given_by=r.actor,
                alarm=e.alarm if isinstance(e, UnlockOrdered) else None,
                stands=True,
            )

    @on(DoorsTried)
    def tried(self, batch: Batch[DoorsTried]) -> None:
        for r in batch:
            for one in r.event.results:
                found = {
                    "community": r.community,
                    "id": one.order,
                    "device": one.door.device,
                    "relay": one.door.relay,
                    "state": one.state,
                    "shown": one.shown,
                    "at": one.at,
                    "verified_at": one.at if one.state == "verified" else None,
                    "reason": one.reason,
                }
                self.results.append(found)

    @on(EmergencyAlarmChecked)
    def checked(self, batch: Batch[EmergencyAlarmChecked]) -> None:
        for r in batch:
            e = r.event
            said = {"finding": e.finding, "reason": e.reason, "heard_at": e.heard_at}
            self.checks.set(r.community, e.alarm, device=e.device, **said)

    def settle(self, batch: Sequence[Recorded[Any]]) -> None:
        self.put("emergency", self.settings)
        self.put("emergency_devices", self.gathered(self.devices))
        self.put("emergency_checks", self.gathered(self.checks))
        orders = self.gathered(self.orders)
        self.put("emergency_orders", [row | {"doc": listed(row)} for row in orders])
        with self.db.cursor() as cursor:
            cursor.executemany(FOUND, self.results)
        for home in {row["community"] for row in orders}:
            self._let_fall(home)

    def _let_fall(self, home: CommunityId) -> None:
        """Orders that hold for no door any more."""
        rows = self._rows("emergency_orders", home, "and stands")
        kept = {order.id for order in standing(map(docs.order_of, rows))}
        self.db.execute(
            "update emergency_orders set stands = false"
            " where community = %s and stands and id <> all(%s)",
            [home, list(kept)],
        )

    def of(self, community: CommunityId) -> EmergencyDoc:
        """How it stands now."""
        orders = self._rows("emergency_orders", community, "and stands")
        results = [r for order in orders for r in self._results(community, order["id"])]
        settings = self._rows("emergency", community)
        return docs.emergency(
            settings[0] if settings else None,
            self._rows("emergency_devices", community, "and not gone"),
            orders,
            {(row["id"], door_of(row)): row for row in results},
            self._rows("emergency_checks", community, "order by heard_at desc limit 20"),
        )

    def state(self, community: CommunityId) -> Standing:
        """In a word, for who shows other things beside it."""
        orders = self._rows("emergency_orders", community, "and stands and opens")
        return docs.in_a_word([order["drill"] for order in orders])

    def page(self, community: CommunityId, after: After | None, limit: int) -> Page:
        """Orders, newest first."""
        key = ("given_at", "id")
        return Listing("emergency_orders", community, key, descending=True).page(
            self.db, after, limit
        )

    def report(self, community: CommunityId, order: UUID) -> ReportDoc:
        """N16. Unknown if there is no such order."""
        rows = self._rows("emergency_orders", community, "and id = %s", order)
        if not rows:
            raise Unknown("Order", order)
        results = {door_of(row): row for row in self._results(community, order)}
        return docs.report(rows[0], self._rows("emergency_devices", community), results)

    def _results(self, community: CommunityId, order: UUID) -> list[Row]:
        return self._rows("emergency_results", community, "and id = %s", order)

    def _rows(
        self, table: LiteralString, community: CommunityId, more: LiteralString = "", *given: Any
    ) -> list[Row]:
        statement = sql.SQL("select * from {} where community = %s {}").format(
            sql.Identifier(table), sql.SQL(more)
        )
        with self.db.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(statement, [community, *given]).fetchall()


def door_of(row: Row) -> Door:
    return Door(device=row["device"], relay=row["relay"])


def listed(row: Row) -> str:
    return document(OrderDoc(**docs.order_doc(row)))
