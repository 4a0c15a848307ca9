"""What is sealed in an event, for an adapter that was given the master key (docs/stream.md).

    pip install cryptography fastavro 'psycopg[binary]'

Nothing of Gatehouse is imported. Whoever runs it can read every name, PIN and card: keep none.
"""

from base64 import b64decode
from io import BytesIO
from pathlib import Path
from uuid import UUID

import fastavro
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap

KEY = "select key_id, wrapped from log.keys where community = %s and subject = %s"


def master_key(file):
    return b64decode(Path(file).read_bytes())


def key_of(db, master, headers):
    """(id, key) of the subject of an event; None if the subject was forgotten."""
    asked = headers["gh-community"].decode(), headers["ce_subject"].decode()
    row = db.execute(KEY, asked).fetchone()
    return row and row[1] and (row[0], aes_key_unwrap(master, row[1][5:]))


def opened(value, headers, schema, key):
    """The fields that are sealed in the value of a message; None without the key they need."""
    box = fastavro.schemaless_reader(BytesIO(value[5:]), schema, None)["sealed"]
    if not key or box[1:9] != key[0]:
        return None
    text = AESGCM(key[1]).decrypt(box[9:21], box[21:], box[:9] + value[:5] + place_of(headers))
    holds = next(field["holds"] for field in schema["fields"] if field["name"] == "sealed")
    return fastavro.schemaless_reader(BytesIO(text), holds, None)


def place_of(headers):
    """A sealed field opens in its own event and in no other."""
    where = [UUID(headers[name].decode()).bytes for name in ("gh-community", "gh-stream")]
    version = int(headers["gh-version"]).to_bytes(8, "big")
    return b"".join(where) + version + UUID(headers["ce_subject"].decode()).bytes
