"""What a process says of itself: a line of JSON for each thing that happened, and its metrics."""

import logging.config
import sys
import threading
from pathlib import Path
from time import monotonic
from traceback import extract_tb
from typing import Any, Final

import structlog
from structlog.types import Processor

from config import Unsafe

FRAMES: Final = 6
SELDOM_SECONDS: Final = 60.0
FIRST: Final = ("at", "level", "process", "event")


def log_as(process: str) -> None:
    """From here on every line is a JSON object with `at`, `level`, `event` and `process`."""
    logging.config.dictConfig(logging_of(process))
    structlog.configure(
        processors=[*beginning(process), *ending()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
    )
    sys.excepthook = lambda _kind, failure, _trace: tell_end(failure)
    threading.excepthook = lambda thread: tell_end(thread.exc_value)


def tell_end(failure: BaseException | None) -> None:
    """Of a process or a thread, by what nobody foresaw: Python would print its message."""
    structlog.get_logger().error("ended", exc_info=failure)


def logging_of(process: str) -> dict[str, Any]:
    """For logging.config: what libraries say, in the same lines, from a warning on.

    Their information is left out: httpx's has whole addresses in it.
    """
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": beginning(process),
        "processors": [
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            *ending(),
        ],
    }
    handler = {
        "class": "logging.StreamHandler",
        "stream": "ext://sys.stdout",
        "formatter": "json",
        "filters": ["seldom"],
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"seldom": {"()": Seldom}},
        "formatters": {"json": formatter},
        "handlers": {"out": handler},
        "root": {"level": "WARNING", "handlers": ["out"]},
    }


class Seldom(logging.Filter):
    """Kafka's client says the same twenty times a second while a broker is away: a night of that
    would push everything else out of the files.
    """

    def __init__(self) -> None:
        super().__init__("kafka")
        self._said = dict[object, float]()

    def filter(self, record: logging.LogRecord) -> bool:
        if not super().filter(record):
            return True
        key, now = (record.name, record.msg), monotonic()
        if now - self._said.get(key, -SELDOM_SECONDS) < SELDOM_SECONDS:
            return False
        self._said[key] = now
        return True


def beginning(process: str) -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        lambda _logger, _name, said: {"process": process, **said},
        traced,
    ]


def traced(_logger: object, _method: str, said: Any) -> Any:
    """A command's id is the trace that the stream's headers name, too (ADR 16)."""
    id = said.get("command_id")
    return {**said, "trace_id": id.replace("-", "")} if id else said


def ending() -> list[Processor]:
    return [nameless, in_order, structlog.processors.JSONRenderer()]


def in_order(_logger: object, _method: str, said: Any) -> Any:
    return {key: said.pop(key) for key in FIRST if key in said} | said


def nameless(_logger: object, _method: str, said: Any) -> Any:
    """A failure by its name and where it happened: its message may quote what is personal."""
    given = said.pop("exc_info", None)
    failure = (
        sys.exc_info()[1] if given is True else given[1] if isinstance(given, tuple) else given
    )
    if not isinstance(failure, BaseException):
        return said
    frames = extract_tb(failure.__traceback__)[-FRAMES:]
    where = [f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in frames]
    name = type(failure).__name__
    error = f"{name}: {failure}" if isinstance(failure, Unsafe) else name
    return {**said, "error": error, "where": where}


def serve_metrics(port: int) -> None:
    """On loopback. Somebody else's port is no reason not to work."""
    from prometheus_client import start_http_server  # looks at its environment: see gunicorn.conf

    try:
        start_http_server(port, addr="127.0.0.1")
    except OSError as failure:
        structlog.get_logger().warning("no metrics", port=port, error=failure.strerror)
