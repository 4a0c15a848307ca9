"""The keys of subjects as the log stores them, and of each community the key for digests."""

from collections.abc import Collection, Mapping
from uuid import UUID

from eventlog.postgres.arrays import Uuids
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
            [community, Uuids.of(subjects)],
        )
        return {subject: StoredKey(key_id=id, wrapped=wrapped) for subject, id, wrapped in rows}

    def index_key(self, community: UUID) -> bytes:
        """32 bytes; made on first need, by whoever is first."""
        if key := self._index_keys.get(community):
            return key
        if not self.has_index_key(community):
            new = fresh()
            offer = [community, new.id, self._master.wrap(new.dek)]
            [[wrapped]] = self._connections.rows("SELECT log.index_key(%s, %s, %s)", offer)
            self._index_keys[community] = self._master.unwrap(wrapped)
        return self._index_keys[community]

    def has_index_key(self, community: UUID) -> bool:
        """Whether anything was ever stored for a community."""
        if community not in self._index_keys:
            stored = self.load(community, [NOBODY]).get(NOBODY)
            if stored and stored.wrapped:
                self._index_keys[community] = self._master.unwrap(stored.wrapped)
        return community in self._index_keys


class PostgresVault(KeyringVault):
    """eventlog.port.Vault for processes that do not append."""

    def __init__(self, connections: Connections, master: Master) -> None:
        self.keys = PostgresKeys(connections, master)
        self.keyring = Keyring(master, self.keys)
        super().__init__(self.keyring, self.keys.index_key)
