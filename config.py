"""What the environment says about this installation, read once and in one place."""

import os
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Self

from environs import Env, validate

from eventlog.embedded import DATABASE, EmbeddedServer
from eventlog.kafka.broker import Broker
from eventlog.kafka.server import KafkaServer
from eventlog.unprivileged import place

ROOT = Path(__file__).resolve().parent
KEK_BYTES = 32
# What Kafka's client does not know it takes for PLAINTEXT.
PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
METRICS_PORTS = {"projector": 1, "adapters": 2, "relay": 3, "reactions": 4}  # after the web's


class Unsafe(Exception):
    """A setting that Gatehouse refuses to start with; the message is one sentence."""


@dataclass(frozen=True, kw_only=True)
class Database:
    """One connection string for each thing a process may be; `owner` is for migrations only."""

    owner: str = field(repr=False)
    append: str = field(repr=False)
    read: str = field(repr=False)
    project: str = field(repr=False)

    @classmethod
    def embedded(cls, server: EmbeddedServer, name: str = DATABASE) -> Self:
        return cls(
            owner=server.conninfo(name),
            append=server.conninfo(name, "gatehouse_append"),
            read=server.conninfo(name, "gatehouse_read"),
            project=server.conninfo(name, "gatehouse_project"),
        )

    @classmethod
    def external(cls, env: Env, url: str) -> Self:
        """`DATABASE_URL` alone is enough; one URL for each role separates them by password."""
        return cls(
            owner=url,
            append=env.str("APPEND_DATABASE_URL", _as_role(url, "gatehouse_append")),
            read=env.str("READ_DATABASE_URL", _as_role(url, "gatehouse_read")),
            project=env.str("PROJECT_DATABASE_URL", _as_role(url, "gatehouse_project")),
        )


def broker_from(env: Env) -> Broker | None:
    """KAFKA_BOOTSTRAP (host:port,host:port), KAFKA_SECURITY_PROTOCOL (PLAINTEXT, SSL,
    SASL_PLAINTEXT, SASL_SSL), KAFKA_SASL_MECHANISM (PLAIN, SCRAM-SHA-256, SCRAM-SHA-512),
    KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD, KAFKA_SSL_CAFILE, KAFKA_SSL_CERTFILE and
    KAFKA_SSL_KEYFILE (PEM)."""
    if not (servers := env.str("KAFKA_BOOTSTRAP", "")):
        return None
    return Broker(
        servers=servers,
        protocol=env.str(
            "KAFKA_SECURITY_PROTOCOL", "PLAINTEXT", validate=validate.OneOf(PROTOCOLS)
        ),
        mechanism=env.str("KAFKA_SASL_MECHANISM", None),
        user=env.str("KAFKA_SASL_USERNAME", None),
        password=env.str("KAFKA_SASL_PASSWORD", None),
        ca_file=env.str("KAFKA_SSL_CAFILE", None),
        cert_file=env.str("KAFKA_SSL_CERTFILE", None),
        key_file=env.str("KAFKA_SSL_KEYFILE", None),
    )


def _as_role(url: str, role: str) -> str:
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    options = f"{conninfo_to_dict(url).get('options') or ''} -c role={role}".strip()
    return make_conninfo(url, options=options)


@dataclass(frozen=True, kw_only=True)
class Config:
    """Paths are absolute. `embedded` is None where `DATABASE_URL` names another server, `kafka`
    where `KAFKA_BOOTSTRAP` does or nobody wants one."""

    port: int
    data: Path
    database: Database
    embedded: EmbeddedServer | None
    demo: bool
    kek_file: Path
    device_networks: tuple[IPv4Network | IPv6Network, ...]
    device_pace: bool
    public_url: str
    broker: Broker | None
    kafka: KafkaServer | None
    web_concurrency: int
    metrics_base: int

    @classmethod
    def from_env(cls) -> Self:
        """PORT, DATA, DATABASE_URL (and APPEND_, READ_, PROJECT_DATABASE_URL), DEMO, KEK_FILE,
        DEVICE_NETWORKS (comma-separated; nothing else is ever called), DEVICE_PACE (=0 for
        phones that need no pauses), PUBLIC_URL (where phones reach us), KAFKA_BOOTSTRAP and
        what `broker_from` reads, KAFKA (=1 runs an Apache Kafka here) and KAFKA_PORT (it takes
        the next one, too), WEB_CONCURRENCY, METRICS_PORT (that of the
        web; the other processes' are the next ones)."""
        env = Env()
        data = Path(env.str("DATA", "") or "var").resolve()
        demo, port = env.bool("DEMO", False), env.int("PORT", 8000)
        url = env.str("DATABASE_URL", "")
        server = None if url else EmbeddedServer(place(data, "postgres"))
        networks = env.list("DEVICE_NETWORKS", ["127.0.0.0/8"] if demo else [])
        broker, kafka = broker_from(env), None
        if broker is None and env.bool("KAFKA", False):
            kafka = KafkaServer(place(data, "kafka"), env.int("KAFKA_PORT", 9092))
            broker = kafka.broker
        return cls(
            port=port,
            data=data,
            database=Database.embedded(server) if server else Database.external(env, url),
            embedded=server,
            demo=demo,
            kek_file=Path(env.str("KEK_FILE", "") or data / "keys" / "kek"),
            device_networks=tuple(ip_network(network) for network in networks),
            device_pace=env.bool("DEVICE_PACE", True),
            public_url=env.str("PUBLIC_URL", "") or f"http://127.0.0.1:{port}",
            broker=broker,
            kafka=kafka,
            web_concurrency=env.int("WEB_CONCURRENCY", 2),
            metrics_base=env.int("METRICS_PORT", port),
        )

    def metrics_port(self, process: str) -> int:
        """Where a process beside the web has its /metrics, on 127.0.0.1."""
        return self.metrics_base + METRICS_PORTS[process]

    def wanted_broker(self) -> Broker:
        """For who cannot do without."""
        if self.broker is None:
            raise Unsafe("no Kafka is named: set KAFKA_BOOTSTRAP, or KAFKA=1 for one here")
        return self.broker

    @property
    def run(self) -> Path:
        """What lives only while Gatehouse runs: the supervisor's configuration, socket and pid."""
        return self.data / "run"

    @property
    def log(self) -> Path:
        return self.data / "log"

    def kek(self) -> bytes:
        """The master key, 32 bytes; its file holds them in base64 (`openssl rand -base64 32`)."""
        return read_kek(self.kek_file)

    def create_kek(self) -> bool:
        """Make the embedded master key where there is none; True if this call made it."""
        return self.kek_file == self.data / "keys" / "kek" and create_kek(self.kek_file)


def refuse_unsafe(config: Config) -> None:
    """The boot guard of every process (O1): Unsafe, with one sentence, before it serves."""
    config.kek()
    durable = config.embedded is None or config.embedded.durable
    for role in ("append", "read", "project"):
        refuse_unsafe_connection(getattr(config.database, role), durable=durable)


def refuse_unsafe_connection(conninfo: str, *, durable: bool = True) -> None:
    """A commit must be on disk, and a role must be bound by what it was granted."""
    import psycopg

    with psycopg.connect(conninfo) as connection:
        settings: dict[str, str] = dict(connection.execute(_SETTINGS).fetchall())
        unbound = connection.execute(_UNBOUND).fetchall()
    for name in DURABLE if durable else ():
        if settings[name] == "off":
            raise Unsafe(f"PostgreSQL runs with {name}=off: a crash would lose accepted commands")
    if settings["server_encoding"] != "UTF8":
        raise Unsafe(f"the database's encoding is {settings['server_encoding']}: it must be UTF8")
    for (role,) in unbound:
        raise Unsafe(f"the role {role} is a superuser or bypasses row security: use a role of less")


DURABLE = ("fsync", "full_page_writes", "synchronous_commit")
_SETTINGS = """
    SELECT name, setting FROM pg_settings
    WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit', 'server_encoding')"""
_UNBOUND = """
    SELECT rolname FROM pg_roles
    WHERE rolname IN (session_user, current_user) AND (rolsuper OR rolbypassrls)"""


def read_kek(file: Path) -> bytes:
    """Refuses a file that others may read (O1) and anything that is not 32 bytes."""
    try:
        mode, text = file.stat().st_mode, file.read_bytes()
    except FileNotFoundError:
        raise Unsafe(f"the master key {file} is missing: nothing sealed can be read") from None
    if mode & 0o007:
        raise Unsafe(f"others may read the master key {file}: chmod 600 {file}")
    try:
        key = b64decode(text.strip(), validate=True)
    except ValueError:
        key = b""
    if len(key) != KEK_BYTES:
        raise Unsafe(f"the master key {file} is not {KEK_BYTES} bytes in base64")
    return key


def create_kek(file: Path) -> bool:
    """Write a new key completely or not at all; of several that try at once, one wins."""
    if file.exists():
        return False
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(b64encode(os.urandom(KEK_BYTES)) + b"\n")
        stream.flush()
        os.fsync(descriptor)
    try:
        os.link(draft, file)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    _sync(file.parent)
    return True


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
