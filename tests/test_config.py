"""The environment is read once, and what is unsafe in it stops the start (survive.md O1)."""

import base64
from pathlib import Path

import psycopg
import pytest
from environs import EnvError
from psycopg.conninfo import conninfo_to_dict

from config import Config, Database, Unsafe, create_kek, read_kek, refuse_unsafe_connection
from eventlog.unprivileged import place
from tests.running_server import RunningServer


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in (
        "PORT",
        "DATABASE_URL",
        "KEK_FILE",
        "DEMO",
        "KAFKA",
        "KAFKA_BOOTSTRAP",
        "DEVICE_NETWORKS",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATA", str(tmp_path / "var"))
    return monkeypatch


def test_without_a_word_everything_is_embedded(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = Config.from_env()
    assert config.port == 8000
    assert config.data == tmp_path / "var"
    assert config.embedded is not None
    assert conninfo_to_dict(config.database.append)["user"] == "gatehouse_append"
    assert config.kek_file == tmp_path / "var" / "keys" / "kek"
    assert (config.broker, config.kafka) == (None, None)


def test_only_the_demo_may_call_devices_that_nobody_named(environment: pytest.MonkeyPatch) -> None:
    assert Config.from_env().device_networks == ()
    environment.setenv("DEMO", "1")
    assert [str(network) for network in Config.from_env().device_networks] == ["127.0.0.0/8"]


def test_a_database_url_replaces_the_embedded_server(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("DATABASE_URL", "postgresql://owner:hush@db.example/gatehouse")
    environment.setenv("READ_DATABASE_URL", "postgresql://reader@db.example/gatehouse")
    config = Config.from_env()
    assert config.embedded is None
    assert conninfo_to_dict(config.database.append)["options"] == "-c role=gatehouse_append"
    assert config.database.read == "postgresql://reader@db.example/gatehouse"
    assert "hush" not in repr(config)


def test_a_broker_is_named_or_ours_or_none(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("KAFKA", "1")
    ours = Config.from_env()
    assert ours.kafka
    assert ours.broker == ours.kafka.broker
    assert ours.kafka.data == place(ours.data, "kafka")
    environment.setenv("KAFKA_BOOTSTRAP", "one:9093,two:9093")
    environment.setenv("KAFKA_SECURITY_PROTOCOL", "SASL_SSL")
    environment.setenv("KAFKA_SASL_PASSWORD", "hush")
    named = Config.from_env()
    assert named.kafka is None
    assert named.broker
    assert named.broker.password == "hush"
    assert named.broker.settings()["bootstrap_servers"] == ["one:9093", "two:9093"]
    assert "hush" not in repr(named)


def test_a_protocol_that_kafkas_client_would_take_for_none_is_refused(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.setenv("KAFKA_BOOTSTRAP", "one:9093")
    environment.setenv("KAFKA_SECURITY_PROTOCOL", "TLS")
    with pytest.raises(EnvError, match=r"KAFKA_SECURITY_PROTOCOL.*one of: PLAINTEXT, SSL"):
        Config.from_env()


def test_a_master_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "keys" / "kek"
    assert create_kek(file)
    key = read_kek(file)
    assert len(key) == 32
    assert file.stat().st_mode & 0o777 == 0o600
    assert not create_kek(file)
    assert read_kek(file) == key
    assert [each.name for each in file.parent.iterdir()] == ["kek"]


def test_only_the_embedded_key_is_made(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environment.setenv("KEK_FILE", str(tmp_path / "vault" / "kek"))
    assert not Config.from_env().create_kek()
    with pytest.raises(Unsafe, match="missing"):
        Config.from_env().kek()


def test_o1_refuses_a_master_key_that_others_may_read(tmp_path: Path) -> None:
    file = tmp_path / "kek"
    create_kek(file)
    file.chmod(0o604)
    with pytest.raises(Unsafe, match="others may read"):
        read_kek(file)


@pytest.mark.parametrize("text", [b"", b"hello", base64.b64encode(b"short"), b"0" * 64])
def test_o1_refuses_a_master_key_of_another_size(tmp_path: Path, text: bytes) -> None:
    file = tmp_path / "kek"
    file.write_bytes(text)
    file.chmod(0o600)
    with pytest.raises(Unsafe, match="not 32 bytes"):
        read_kek(file)


def test_o1_refuses_a_superuser_even_behind_another_role(
    database: Database, plain_role: str
) -> None:
    with pytest.raises(Unsafe, match="postgres is a superuser"):
        refuse_unsafe_connection(database.owner, durable=False)
    with pytest.raises(Unsafe, match="postgres is a superuser"):
        refuse_unsafe_connection(f"{database.owner} options='-c role={plain_role}'", durable=False)


def test_o1_refuses_a_server_that_may_lose_a_commit(
    pg_server: RunningServer, plain_role: str
) -> None:
    conninfo = pg_server.server.conninfo("postgres", plain_role)
    with pytest.raises(Unsafe, match="fsync=off"):
        refuse_unsafe_connection(conninfo)
    refuse_unsafe_connection(conninfo, durable=False)


def test_o1_refuses_a_role_that_commits_without_waiting(own_server: RunningServer) -> None:
    conninfo = own_server.server.conninfo("postgres", "plain")
    with psycopg.connect(own_server.server.conninfo("postgres")) as connection:
        connection.execute("CREATE ROLE plain LOGIN")
    refuse_unsafe_connection(conninfo)
    with psycopg.connect(own_server.server.conninfo("postgres")) as connection:
        connection.execute("ALTER ROLE plain SET synchronous_commit = off")
    with pytest.raises(Unsafe, match="synchronous_commit=off"):
        refuse_unsafe_connection(conninfo)


@pytest.fixture(scope="module")
def plain_role(pg_server: RunningServer) -> str:
    with psycopg.connect(pg_server.server.conninfo("postgres")) as connection:
        connection.execute("CREATE ROLE plain_of_test_config LOGIN")
    return "plain_of_test_config"
