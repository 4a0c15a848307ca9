"""SASL and TLS, as the environment asks for them, against a broker that lets nobody else in."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from environs import Env
from kafka.admin import ScramMechanism, UserScramCredentialUpsertion
from kafka.errors import KafkaError

from config import broker_from
from eventlog.kafka import client
from eventlog.kafka.broker import Broker
from eventlog.kafka.client import admin
from tests.eventlog.kafka.relaying import Relaying, grow
from tests.running_broker import a_topic, apache_kafka, free_ports, has_apache_kafka, no_broker
from tests.running_server import a_folder

PASSWORD = "sesame-7"
JAAS = "org.apache.kafka.common.security"
SCRAM = f"{JAAS}.scram.ScramLoginModule required;"
EC = ec.SECP256R1()


@dataclass
class Authority:
    """Certificates of this test's own, as PEM files in a folder, for the broker to read, too: it is
    another user where root runs the tests.
    """

    folder: Path

    def __post_init__(self) -> None:
        self._key = ec.generate_private_key(EC)
        self._name = a_name("authority")
        self.file = self._write("ca.pem", self._signed(self._name, self._key, ca=True))

    def issue(self, name: str) -> tuple[Path, Path]:
        """The files of a certificate and of its key; valid for 127.0.0.1."""
        key = ec.generate_private_key(EC)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return (
            self._write(f"{name}.crt", self._signed(a_name(name), key)),
            self._write(f"{name}.key", pem),
        )

    def _signed(self, name: x509.Name, key: ec.EllipticCurvePrivateKey, ca: bool = False) -> bytes:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]),
                critical=False,
            )
        )
        return builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM)

    def _write(self, name: str, pem: bytes) -> Path:
        file = self.folder / name
        file.write_bytes(pem)
        file.chmod(0o644)
        return file


def a_name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


@dataclass
class Guarded:
    """A broker with three more doors: SCRAM, TLS with a client's certificate, PLAIN over TLS."""

    open: Broker
    scram: str
    tls: str
    both: str
    authority: Authority


@pytest.fixture(scope="module")
def guarded() -> Iterator[Guarded]:
    if not has_apache_kafka():
        no_broker()
    with a_folder() as folder:
        yield from guarded_by(Authority(folder))


def guarded_by(authority: Authority) -> Iterator[Guarded]:
    port, scram, tls, both = (free_ports() for _ in range(4))
    addresses = {"SCRAM": scram, "TLS": tls, "BOTH": both, "PLAINTEXT": port}
    here = [f"{name}://127.0.0.1:{at}" for name, at in addresses.items()]
    more = {
        "listeners": ",".join([*here, f"CONTROLLER://127.0.0.1:{port + 1}"]),
        "advertised.listeners": ",".join(here),
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,"
        "SCRAM:SASL_PLAINTEXT,TLS:SSL,BOTH:SASL_SSL",
        "listener.name.scram.sasl.enabled.mechanisms": "SCRAM-SHA-256",
        "listener.name.scram.scram-sha-256.sasl.jaas.config": SCRAM,
        "listener.name.both.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.both.plain.sasl.jaas.config": f"{JAAS}.plain.PlainLoginModule required"
        f' user_relay="{PASSWORD}";',
        "listener.name.tls.ssl.client.auth": "required",
        **pem_stores(authority),
    }
    with apache_kafka(port, more) as running:
        with closing(admin(running.server.broker)) as operator:
            credential = UserScramCredentialUpsertion(
                "relay", ScramMechanism.SCRAM_SHA_256, PASSWORD
            )
            operator.alter_user_scram_credentials([credential])
        yield Guarded(
            open=running.server.broker,
            scram=f"127.0.0.1:{scram}",
            tls=f"127.0.0.1:{tls}",
            both=f"127.0.0.1:{both}",
            authority=authority,
        )


def pem_stores(authority: Authority) -> dict[str, str]:
    certificate, key = authority.issue("broker")
    store = authority.folder / "broker.pem"
    store.write_bytes(key.read_bytes() + certificate.read_bytes())
    store.chmod(0o644)
    return {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(store),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(authority.file),
    }


def asked_for(guarded: Guarded, way: str) -> dict[str, str]:
    """What an operator says in the environment."""
    certificate, key = map(str, guarded.authority.issue("relay"))
    sasl = {"KAFKA_SASL_USERNAME": "relay", "KAFKA_SASL_PASSWORD": PASSWORD}
    return {
        "scram": {
            "KAFKA_BOOTSTRAP": guarded.scram,
            "KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
            "KAFKA_SASL_MECHANISM": "SCRAM-SHA-256",
            **sasl,
        },
        "tls": {
            "KAFKA_BOOTSTRAP": guarded.tls,
            "KAFKA_SECURITY_PROTOCOL": "SSL",
            "KAFKA_SSL_CAFILE": str(guarded.authority.file),
            "KAFKA_SSL_CERTFILE": certificate,
            "KAFKA_SSL_KEYFILE": key,
        },
        "both": {
            "KAFKA_BOOTSTRAP": guarded.both,
            "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "KAFKA_SASL_MECHANISM": "PLAIN",
            "KAFKA_SSL_CAFILE": str(guarded.authority.file),
            **sasl,
        },
    }[way]


def named(said: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Broker:
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    found = broker_from(Env())
    assert found
    return found


@pytest.mark.parametrize("way", ["scram", "tls", "both"])
def test_the_relay_gets_in_and_the_audit_too(
    guarded: Guarded, way: str, relaying: Relaying, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = named(asked_for(guarded, way), monkeypatch)
    inside = replace(relaying, broker=broker, topic=a_topic(broker))
    grow(inside.database, 30)
    with inside.runs():
        inside.wait_for(30)
    differences, audit = inside.audited()
    assert (differences, audit.equal) == ([], 30)


@pytest.mark.parametrize(
    ("way", "wrong"),
    [
        ("scram", {"KAFKA_SASL_PASSWORD": "sesame-8"}),
        ("both", {"KAFKA_SASL_PASSWORD": "sesame-8"}),
        ("tls", {"KAFKA_SSL_CERTFILE": "", "KAFKA_SSL_KEYFILE": ""}),
        ("both", {"KAFKA_SSL_CAFILE": ""}),
    ],
)
def test_s4_nobody_gets_in_otherwise_and_no_password_is_told(
    guarded: Guarded,
    way: str,
    wrong: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A wrong password, no certificate, an authority that this machine does not know."""
    caplog.set_level("DEBUG")
    monkeypatch.setitem(client.PATIENCE, "bootstrap_timeout_ms", 1_000)
    broker = named(asked_for(guarded, way) | wrong, monkeypatch)
    with pytest.raises(KafkaError) as failure:
        admin(broker).list_topics()
    said = f"{caplog.text} {failure.value!r} {broker!r}"
    assert PASSWORD not in said
    assert "sesame-8" not in said
