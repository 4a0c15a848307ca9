"""Keys of subjects: wrapped, cached for a moment, gone when they are destroyed."""

from collections.abc import Collection, Mapping
from uuid import UUID

import pytest

from domain.ids import CommunityId
from domain.record import ERASED
from eventlog.port import Vault
from eventlog.sealing import (
    Keyring,
    KeyringVault,
    Master,
    StoredKey,
    SubjectKey,
    Tampered,
    fresh,
    seal,
    unseal,
)

HARBOUR, MARINA = CommunityId(UUID(int=1)), CommunityId(UUID(int=2))
ANN, BOB = UUID(int=11), UUID(int=12)
KEK = bytes(range(32))


class Drawer:
    """A key store in memory that counts how often it was asked."""

    def __init__(self, master: Master) -> None:
        self.keys: dict[tuple[UUID, UUID], StoredKey] = {}
        self.master, self.asked = master, 0

    def load(self, community: UUID, subjects: Collection[UUID]) -> Mapping[UUID, StoredKey]:
        self.asked += 1
        found = {s: self.keys.get((community, s)) for s in subjects}
        return {s: key for s, key in found.items() if key}

    def put(self, subject: UUID, key: SubjectKey) -> None:
        stored = StoredKey(key_id=key.id, wrapped=self.master.wrap(key.dek))
        self.keys[HARBOUR, subject] = stored

    def destroy(self, subject: UUID) -> None:
        kept = self.keys[HARBOUR, subject]
        self.keys[HARBOUR, subject] = StoredKey(key_id=kept.key_id, wrapped=None)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def drawer() -> Drawer:
    return Drawer(Master(KEK))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keyring(drawer: Drawer, clock: Clock) -> Keyring:
    return Keyring(drawer.master, drawer, clock=clock, most=100)


def test_a_key_comes_back_unwrapped_and_is_looked_up_once(keyring: Keyring, drawer: Drawer) -> None:
    key = keyring.fresh()
    drawer.put(ANN, key)
    assert keyring.get(HARBOUR, [ANN, BOB]) == {ANN: key}
    assert keyring.get(HARBOUR, [ANN]) == {ANN: key}
    assert drawer.asked == 1


def test_p1_a_key_destroyed_elsewhere_is_gone_within_a_second(
    keyring: Keyring, drawer: Drawer, clock: Clock
) -> None:
    drawer.put(ANN, keyring.fresh())
    drawer.put(BOB, kept := keyring.fresh())
    keyring.get(HARBOUR, [ANN, BOB])
    drawer.destroy(ANN)
    clock.now += 1
    assert keyring.get(HARBOUR, [ANN, BOB]) == {ANN: None, BOB: kept}


def test_p1_a_key_destroyed_here_is_gone_at_once(keyring: Keyring, drawer: Drawer) -> None:
    drawer.put(ANN, keyring.fresh())
    keyring.get(HARBOUR, [ANN])
    drawer.destroy(ANN)
    keyring.forget(HARBOUR, ANN)
    assert keyring.get(HARBOUR, [ANN]) == {ANN: None}


def test_what_an_append_stored_is_remembered_without_a_look(
    keyring: Keyring, drawer: Drawer
) -> None:
    keyring.remember(HARBOUR, {ANN: (key := keyring.fresh())})
    assert keyring.get(HARBOUR, [ANN]) == {ANN: key}
    assert drawer.asked == 0


def test_the_same_subject_of_two_communities_has_two_keys(keyring: Keyring) -> None:
    keyring.remember(HARBOUR, {ANN: keyring.fresh()})
    assert keyring.get(MARINA, [ANN]) == {}


def test_it_remembers_no_more_than_it_may_and_the_latest_longest(
    keyring: Keyring, drawer: Drawer
) -> None:
    many = [UUID(int=1000 + n) for n in range(150)]
    for subject in many:
        keyring.remember(HARBOUR, {subject: keyring.fresh()})
    assert keyring.get(HARBOUR, many[:50]) == {}
    assert keyring.get(HARBOUR, many[50:]).keys() == set(many[50:])


def test_a_wrapped_key_opens_with_its_master_key_also_after_a_new_one() -> None:
    dek, new = fresh().dek, b"n" * 32
    old = Master(KEK).wrap(dek)
    turned = Master(new, retired=[KEK])
    assert turned.unwrap(old) == dek
    assert Master(new).unwrap(turned.wrap(dek)) == dek
    with pytest.raises(Tampered):
        Master(new).unwrap(old)


@pytest.mark.parametrize("at", range(len(Master(KEK).wrap(bytes(32)))))
def test_a_changed_wrapping_is_noticed(at: int) -> None:
    wrapped = bytearray(Master(KEK).wrap(bytes(32)))
    wrapped[at] ^= 1
    with pytest.raises(Tampered):
        Master(KEK).unwrap(bytes(wrapped))


@pytest.mark.parametrize("wrapped", [b"", b"\1", Master(KEK).wrap(bytes(32))[:-8]])
def test_a_wrapping_cut_short_is_noticed(wrapped: bytes) -> None:
    with pytest.raises(Tampered):
        Master(KEK).unwrap(wrapped)


def test_a_short_master_key_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Master(b"short")


def test_p4_no_key_shows_when_printed() -> None:
    key = SubjectKey(id=b"i" * 8, dek=b"secret" * 5 + b"..")
    assert "secret" not in repr(key)


@pytest.mark.parametrize("cut", range(1, 37))
def test_a_box_cut_short_is_noticed(cut: int) -> None:
    key = fresh()
    box = seal(key, b"", b"here", bytes(12))
    with pytest.raises(Tampered):
        assert unseal(key, box[:-cut], b"here") is not ERASED


def test_the_same_text_is_never_sealed_to_the_same_bytes(
    keyring: Keyring, vault: KeyringVault
) -> None:
    keyring.remember(HARBOUR, {ANN: keyring.fresh()})
    one, other = vault.seal(HARBOUR, [(ANN, "2468"), (ANN, "2468")])
    assert one != other


@pytest.fixture
def vault(keyring: Keyring) -> KeyringVault:
    return KeyringVault(keyring, lambda community: community.bytes * 2)


def hers(vault: Vault) -> bytes:
    [box] = vault.seal(HARBOUR, [(ANN, "2468")])
    return box


def test_the_vault_opens_what_it_sealed_in_order(
    keyring: Keyring, drawer: Drawer, vault: Vault
) -> None:
    for subject in (ANN, BOB):
        drawer.put(subject, keyring.fresh())
    texts = [(BOB, "1357"), (ANN, "2468")]
    boxes = [*zip([BOB, ANN], vault.seal(HARBOUR, texts), strict=True)]
    drawer.destroy(BOB)
    keyring.forget(HARBOUR, BOB)
    assert vault.open(HARBOUR, boxes) == [ERASED, "2468"]


def test_a_box_of_one_person_does_not_open_for_another(
    keyring: Keyring, drawer: Drawer, vault: Vault
) -> None:
    drawer.put(ANN, same := keyring.fresh())
    drawer.put(BOB, same)
    with pytest.raises(Tampered):
        vault.open(HARBOUR, [(BOB, hers(vault))])


def test_sealing_for_somebody_forgotten_meanwhile_gives_what_opens_as_erased(
    keyring: Keyring, drawer: Drawer, vault: Vault
) -> None:
    drawer.put(ANN, keyring.fresh())
    drawer.destroy(ANN)
    assert vault.open(HARBOUR, [(ANN, hers(vault))]) == [ERASED]


def test_digests_tell_values_kinds_and_communities_apart(vault: Vault) -> None:
    said = [
        vault.digest(HARBOUR, "pin", "2468"),
        vault.digest(HARBOUR, "pin", "2469"),
        vault.digest(HARBOUR, "card", "2468"),
        vault.digest(MARINA, "pin", "2468"),
    ]
    assert len(set(said)) == 4
    assert vault.digest(HARBOUR, "pin", "2468") == said[0]
    assert {len(digest) for digest in said} == {32}
