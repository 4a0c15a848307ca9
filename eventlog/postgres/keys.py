"""The keys of subjects as the log stores them, and of each community the key for digests."""

from collections.abc import Collection, Mapping
from uuid import UUID

from eventlog.postgres.connections import Connections
from eventlog.sealing import Keyring, KeyringVault, Master, StoredKey, fresh

NOBODY = UUID(int=0)


class PostgresKeys:
    """eventlog.sealing.KeyStore, and the index keys, which never change."""

    def __init__(self, connections: Connections, master: Master) -> None:
        self._connections, self._master = connections, master
        self._index_keys: dict[UUID, bytes] = {}

    def load(self, community: UUID, subjects: Collection[UUID]) -> Mapping[UUID, StoredKey]:
        rows = self._connections.rows(
            "SELECT subject, key_id, wrapped FROM log.keys"
            " WHERE community = %s AND subject = ANY (%s)",
            [community, list(subjects)],
        )
        return {subject: StoredKey(key_id=id, wrapped=wrapped) for subject, id, wrapped in rows}

    def index_key(self, community: UUID) -> bytes:
        """32 bytes; made on first need, by whoever is first."""
        if not (key := self._index_keys.get(community)):
            wrapped = self._stored_index_key(community) or self._make_index_key(community)
            key = self._index_keys[community] = self._master.unwrap(wrapped)
        return key

    def _stored_index_key(self, community: UUID) -> bytes | None:
        stored = self.load(community, [NOBODY]).get(NOBODY)
        return stored.wrapped if stored else None

    def _make_index_key(self, community: UUID) -> bytes:
        new = fresh()
        offer = [community, new.id, self._master.wrap(new.dek)]
        [[wrapped]] = self._connections.rows("SELECT log.index_key(%s, %s, %s)", offer)
        return bytes(wrapped)


class PostgresVault(KeyringVault):
    """eventlog.port.Vault for processes that do not append."""

    def __init__(self, connections: Connections, master: Master) -> None:
        keys = PostgresKeys(connections, master)
        self.keyring = Keyring(master, keys)
        super().__init__(self.keyring, keys.index_key)
