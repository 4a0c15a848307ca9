"""Pictures of people beside the log, for an event must not be megabytes (ADR 18)."""

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

    def get(self, community: UUID, subject: UUID, photo: str) -> bytes | None:
        key = self._vault.keyring.get(community, [subject]).get(subject)
        rows = self._connections.rows(
            "SELECT sealed FROM log.photos WHERE community = %s AND subject = %s AND key = %s",
            [community, subject, self._name(community, photo)],
        )
        opened = [unseal(key, box, aad(community, subject)) for [box] in rows]
        found = [picture for picture in opened if not isinstance(picture, Erased)]
        return found[0] if found and known_by(found[0]) == photo else None

    def _name(self, community: UUID, photo: str) -> bytes:
        return self._vault.digest(community, PHOTO, photo)


def aad(community: UUID, subject: UUID) -> bytes:
    """It opens nowhere else, and as nothing else."""
    return PURPOSE + community.bytes + subject.bytes
