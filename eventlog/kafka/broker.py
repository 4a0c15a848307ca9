"""Which Kafka, and how it lets us in."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Broker:
    """`servers` as `host:port,host:port`; the files hold PEM. Nothing given is left to Kafka's
    client: without a CA file a certificate is checked against those that the machine trusts.
    """

    servers: str
    protocol: str = "PLAINTEXT"
    mechanism: str | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None

    def settings(self) -> dict[str, Any]:
        """In the words of kafka-python."""
        return {
            "bootstrap_servers": self.servers.split(","),
            "security_protocol": self.protocol,
            "sasl_mechanism": self.mechanism,
            "sasl_plain_username": self.user,
            "sasl_plain_password": self.password,
            "ssl_cafile": self.ca_file,
            "ssl_certfile": self.cert_file,
            "ssl_keyfile": self.key_file,
        }
