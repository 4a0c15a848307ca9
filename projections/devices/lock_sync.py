"""How far the synchronisation of codes to locks has come, and what failed (M122)."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from domain.devices import CredentialKind, Device
from domain.ids import DeviceId
from domain.kernel import Malformed
from domain.locks import BRANDS, SYNC_KINDS, Brand, LockSync, SyncKind
from domain.record import frozen
from projections.devices.standing import CredentialDoc, State
from projections.listing import Key as After
from projections.listing import Page
from projections.projector import document

Counted = tuple[str, CredentialKind, State]
FAILED: Final[frozenset[State]] = frozenset({"undeliverable", "mismatch", "rejected"})
SETTLED: Final[frozenset[State]] = FAILED | {"verified", "unverifiable"}


@frozen
class AtLock:
    """A credential that is wanted at a lock, or may still be on it."""

    lock: Device
    holder: UUID
    name: str | None
    credential: CredentialDoc


@frozen
class SyncDoc:
    """Of all `total` codes of a kind that the locks of a brand should hold, or have yet to forget,
    `settled` are as they should be or have `failed`; 100 `percent` are all. `on`: the switch.
    """

    brand: Brand
    kind: SyncKind
    on: bool
    total: int
    settled: int
    failed: int
    percent: int


@frozen
class FailureDoc:
    """`reason`: why the lock does not hold it; `name` is null once the person is gone."""

    lock: DeviceId
    lock_name: str
    brand: Brand
    kind: SyncKind
    holder: UUID
    name: str | None
    state: State
    reason: str | None
    since: datetime | None


def progress(sync: LockSync, found: Iterable[AtLock]) -> Sequence[SyncDoc]:
    counted = Counter(
        (one.lock.box.model, one.credential.kind, one.credential.state) for one in found
    )
    return [counts(brand, kind, sync, counted) for brand in BRANDS for kind in SYNC_KINDS]


def counts(
    brand: Brand,
    kind: SyncKind,
    sync: LockSync,
    counted: Counter[tuple[str, CredentialKind, State]],
) -> SyncDoc:
    states = {state: n for (of, what, state), n in counted.items() if (of, what) == (brand, kind)}
    total = sum(states.values())
    settled = sum(n for state, n in states.items() if state in SETTLED)
    return SyncDoc(
        brand=brand,
        kind=kind,
        on=kind in sync.kinds(brand),
        total=total,
        settled=settled,
        failed=sum(n for state, n in states.items() if state in FAILED),
        percent=100 * settled // total if total else 100,
    )


def failures(found: Iterable[AtLock], after: After | None, limit: int) -> Page:
    """By name, a person's together."""
    failed = {place(one): one for one in found if one.credential.state in FAILED}
    start = start_of(after)
    shown = [key for key in sorted(failed) if start is None or key > start]
    docs = tuple(document(failure(failed[key])) for key in shown[:limit])
    return Page(docs=docs, after=shown[limit - 1] if len(shown) > limit else None)


def place(one: AtLock) -> tuple[str, ...]:
    name = (one.name or "").lower()
    return name, str(one.holder), str(one.lock.device), one.credential.kind


def start_of(after: After | None) -> tuple[str, ...] | None:
    if after is not None and (len(after) != 4 or not all(isinstance(part, str) for part in after)):
        raise Malformed("cursor", "not a cursor of this list")
    return after


def failure(one: AtLock) -> FailureDoc:
    return FailureDoc(
        lock=one.lock.device,
        lock_name=one.lock.name,
        brand=one.lock.box.model,  # type: ignore[arg-type]
        kind=one.credential.kind,  # type: ignore[arg-type]
        holder=one.holder,
        name=one.name,
        state=one.credential.state,
        reason=one.credential.reason,
        since=one.credential.reported_at,
    )
