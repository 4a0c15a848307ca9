"""Keys of subjects, and what is sealed with them: to destroy a key is to forget its person."""

import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import field
from ssl import RAND_bytes  # unlike os.urandom it keeps the GIL, and it survives a fork
from threading import Lock
from time import monotonic
from typing import Annotated, Final, Protocol
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from domain.record import ERASED, SEALED, Erased, frozen

VERSION: Final = b"\x01"
KEY_ID, NONCE, TAG, KEK_ID = 8, 12, 16, 4
HEAD = len(VERSION) + KEY_ID
Secret = Annotated[bytes, SEALED]


class Tampered(Exception):
    """Not the bytes that were sealed, or not sealed for this place."""


@frozen
class SubjectKey:
    """`id`: 8 bytes, to be told from a later key of the same subject. `dek`: 32 bytes."""

    id: bytes
    dek: Secret
    cipher: AESGCM = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "cipher", AESGCM(self.dek))


def fresh() -> SubjectKey:
    drawn = RAND_bytes(KEY_ID + 32)
    return SubjectKey(id=drawn[:KEY_ID], dek=drawn[KEY_ID:])


def nonce() -> bytes:
    return RAND_bytes(NONCE)


def seal(key: SubjectKey, text: bytes, aad: bytes, nonce: bytes) -> bytes:
    """Version, key id, nonce, AES-256-GCM; the version and the key id are authenticated, too."""
    head = VERSION + key.id
    return head + nonce + key.cipher.encrypt(nonce, text, head + aad)


def unseal(key: SubjectKey | None, box: bytes, aad: bytes) -> bytes | Erased:
    """What was sealed; erased without its key, for a subject that comes back has another one."""
    if key is None or not box:
        return ERASED
    head, rest = box[:HEAD], box[HEAD:]
    if head[:1] != VERSION or len(rest) < NONCE + TAG:
        raise Tampered
    if head[1:] != key.id:
        return ERASED
    try:
        return key.cipher.decrypt(rest[:NONCE], rest[NONCE:], head + aad)
    except InvalidTag:
        raise Tampered from None


class Master:
    """The key of keys. `retired` ones still unwrap, until every subject's key is wrapped anew.

    Wrapped: version, 4 bytes that tell the key of keys, AES-KW (RFC 3394) of the subject's key.
    """

    def __init__(self, kek: bytes, retired: Iterable[bytes] = ()) -> None:
        if len(kek) != 32:
            raise ValueError("the master key has 32 bytes")
        self._current = kek_id(kek)
        self._keks = {kek_id(each): each for each in (kek, *retired)}

    def wrap(self, dek: bytes) -> bytes:
        return VERSION + self._current + aes_key_wrap(self._keks[self._current], dek)

    def unwrap(self, wrapped: bytes) -> bytes:
        head = len(VERSION) + KEK_ID
        kek = self._keks.get(wrapped[len(VERSION) : head])
        if wrapped[: len(VERSION)] != VERSION or not kek:
            raise Tampered
        try:
            return aes_key_unwrap(kek, wrapped[head:])
        except (InvalidUnwrap, ValueError):
            raise Tampered from None


def kek_id(kek: bytes) -> bytes:
    return hashlib.sha256(b"gatehouse kek" + kek).digest()[:KEK_ID]


@frozen
class StoredKey:
    """`wrapped` is None once it is destroyed."""

    key_id: bytes
    wrapped: bytes | None


class KeyStore(Protocol):
    def load(self, community: UUID, subjects: Collection[UUID]) -> Mapping[UUID, StoredKey]:
        """The keys of these subjects; who never had one is left out."""


@frozen
class Cached:
    key: SubjectKey | None
    looked_at: float


class Keyring:
    """The keys of subjects, unwrapped. What it remembers is looked up again after `trust` seconds,
    so that a destroyed key lives no longer than that in another process.
    """

    def __init__(
        self,
        master: Master,
        store: KeyStore,
        *,
        trust: float = 1.0,
        most: int = 20_000,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._master, self._store = master, store
        self._trust, self._most, self._clock = trust, most, clock
        self._cache = OrderedDict[tuple[UUID, UUID], Cached]()
        self._lock = Lock()

    def get(self, community: UUID, subjects: Collection[UUID]) -> Mapping[UUID, SubjectKey | None]:
        """None is a destroyed key; a subject that never had one is left out."""
        now = self._clock()
        found: dict[UUID, SubjectKey | None] = {}
        missing: dict[UUID, Cached | None] = {}
        with self._lock:
            for subject in subjects:
                cached = self._recall(community, subject)
                if cached and now - cached.looked_at < self._trust:
                    found[subject] = cached.key
                else:
                    missing[subject] = cached
        if missing:
            stored = self._store.load(community, missing.keys())
            found |= {s: self._opened(kept, missing[s]) for s, kept in stored.items()}
            self._refresh(community, missing, found, now)
        return found

    def fresh(self) -> SubjectKey:
        """A new key, which nothing knows before it is stored."""
        return fresh()

    def remember(self, community: UUID, keys: Mapping[UUID, SubjectKey]) -> None:
        """After the append that stored them."""
        self._refresh(community, keys, keys, self._clock())

    def forget(self, community: UUID, subject: UUID) -> None:
        with self._lock:
            self._cache.pop((community, subject), None)

    def _recall(self, community: UUID, subject: UUID) -> Cached | None:
        if found := self._cache.get((community, subject)):
            self._cache.move_to_end((community, subject))
        return found

    def _opened(self, stored: StoredKey, cached: Cached | None) -> SubjectKey | None:
        if stored.wrapped is None:
            return None
        if cached and cached.key and cached.key.id == stored.key_id:
            return cached.key
        return SubjectKey(id=stored.key_id, dek=self._master.unwrap(stored.wrapped))

    def _refresh(
        self,
        community: UUID,
        subjects: Iterable[UUID],
        found: Mapping[UUID, SubjectKey | None],
        now: float,
    ) -> None:
        """`now` is from before the look, so that a forgotten key that returns late ages, too."""
        with self._lock:
            for subject in subjects:
                self._cache.pop((community, subject), None)
                if subject in found:
                    self._cache[community, subject] = Cached(key=found[subject], looked_at=now)
            while len(self._cache) > self._most:
                self._cache.popitem(last=False)


def box_aad(community: UUID, subject: UUID) -> bytes:
    return b"box" + community.bytes + subject.bytes


class KeyringVault:
    """eventlog.port.Vault over a keyring. `index_key_of` gives a community's key for digests."""

    def __init__(self, keyring: Keyring, index_key_of: Callable[[UUID], bytes]) -> None:
        self._keyring, self._index_key_of = keyring, index_key_of
        self._begun: dict[UUID, hmac.HMAC] = {}

    def seal(self, community: UUID, texts: Sequence[tuple[UUID, str]]) -> list[bytes]:
        keys = self._keyring.get(community, {subject for subject, _ in texts})
        return [
            seal(key, text.encode(), box_aad(community, subject), nonce()) if key else b""
            for subject, text in texts
            for key in [keys[subject]]
        ]

    def open(self, community: UUID, boxes: Sequence[tuple[UUID, bytes]]) -> list[str | Erased]:
        keys = self._keyring.get(community, {subject for subject, _ in boxes})
        return [
            text if isinstance(text, Erased) else text.decode()
            for subject, box in boxes
            for text in [unseal(keys.get(subject), box, box_aad(community, subject))]
        ]

    def digest(self, community: UUID, kind: str, value: str) -> bytes:
        """hmac.digest() would give up the GIL for each of them."""
        if (begun := self._begun.get(community)) is None:
            begun = hmac.new(self._index_key_of(community), digestmod="sha256")
            self._begun[community] = begun
        keyed = begun.copy()
        keyed.update(f"{kind}\0{value}".encode())
        return keyed.digest()
