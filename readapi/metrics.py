"""What Prometheus reads: of all workers of the web together, and how far everybody is.

It names no person, no code and no address, but it is for operators: a reverse proxy keeps it in.
"""

import os
from time import perf_counter

from flask import Blueprint, Flask, Response, g, request
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

SECONDS = Histogram(
    "gatehouse_http_seconds",
    "From a request to its answer, by the name of its route",
    ["endpoint", "status"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)


def count(app: Flask) -> None:
    """Every request, those that have no route under one name."""

    @app.before_request
    def begin() -> None:
        g.begun = perf_counter()

    @app.after_request
    def end(answer: Response) -> Response:
        name = request.endpoint or "none"
        SECONDS.labels(name, answer.status_code).observe(perf_counter() - g.begun)
        return answer


def metrics(standing: Collector) -> Blueprint:
    pages = Blueprint("metrics", __name__)

    @pages.get("/metrics")
    def tell() -> Response:
        registry = counted()
        text = generate_latest(registry) + generate_latest(only(standing))
        return Response(text, content_type=CONTENT_TYPE_LATEST)

    return pages


def counted() -> CollectorRegistry:
    """Of every worker, where they share a folder (gunicorn.conf.py)."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry


def only(collector: Collector) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(collector)
    return registry
