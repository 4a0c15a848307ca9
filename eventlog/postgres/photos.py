"""Pictures of people beside the log, for an event must not be megabytes (ADR 19)."""

from typing import Final
from uuid import UUID

from domain.faces import PHOTO, known_by
from domain.kernel import Unknown
from domain.record import Erased
from eventlog.postgres.connections import Connections
from eventlog.postgres.keys import PostgresVault
from eventlog.sealing import nonce, seal, unseal

PURPOSE: Final = b"photo"


class PostgresPhotos:
    """eventlog.port.Photos. The append role's."""

    def __init__(self, connections: Connections, vault: PostgresVault) -> None:
        self._connections, self._vault = connections, vault

    def keep(self, community: UUID, subject: UUID, picture: bytes) -> None:
        key = self._vault.keyring.get(community, [subject]).get(subject)
        if key is None:
            raise Unknown("subject", subject)
        box = seal(key, picture, aad(community, subject), nonce())
        name = self._name(community, known_by(picture))
        keep = "SELECT log.keep_photo(%s, %s, %s, %s)"
        self._connections.rows(keep, [community, subject, name, box])

    def get(self, subject: UUID, photo: str) -> bytes | None:
        rows = self._connections.rows(
            "SELECT community, key, sealed FROM log.photos WHERE subject = %s", [subject]
        )
        for community, name, box in rows:
            if name == self._name(community, photo):
                return self._opened(community, subject, photo, box)
        return None

    def _opened(self, community: UUID, subject: UUID, photo: str, box: bytes) -> bytes | None:
        """Only what is still what the event says."""
        key = self._vault.keyring.get(community, [subject]).get(subject)
        picture = unseal(key, box, aad(community, subject))
        if isinstance(picture, Erased) or known_by(picture) != photo:
            return None
        return picture

    def _name(self, community: UUID, photo: str) -> bytes:
        return self._vault.digest(community, PHOTO, photo)


def aad(community: UUID, subject: UUID) -> bytes:
    """It opens nowhere else, and as nothing else."""
    return PURPOSE + community.bytes + subject.bytes
