"""An app on a real socket, as clients in other languages need it."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

from readapi.errors import ProblemApi
from readapi.registry import registry
from schemas.registry import Registry


class Quiet(WSGIRequestHandler):
    def log(self, *_: object) -> None:
        """Nothing on the test's output."""


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """Its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    serving = Thread(target=server.serve_forever, args=(0.01,))
    serving.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


def registry_alone(schemas: Registry | None = None) -> Flask:
    """These schemas or those of the lock file, and nothing else of the house."""
    app = Flask("schemas")
    app.config |= {"API_TITLE": "Schemas", "API_VERSION": "v1", "OPENAPI_VERSION": "3.1.0"}
    app.extensions |= {"schemas": schemas} if schemas else {}
    ProblemApi(app).register_blueprint(registry)
    return app
