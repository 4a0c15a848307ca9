"""The plain page at `/`, and the two questions that a supervisor asks."""

from collections.abc import Callable, Mapping

from flask import Blueprint, Response, current_app, render_template_string
from psycopg import OperationalError

from eventlog.port import Unavailable
from readapi.errors import problem
from readapi.waiting import Reading

PAGE = """<!doctype html>
<html lang="en">
<title>Gatehouse</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 3rem auto; padding: 0 1rem;
         color: #1c2733; background: #fbfaf8 }
  h1 { font-size: 1.6rem; margin: 0 } h1 + p { margin-top: .2rem; color: #5b6875 }
  table { border-collapse: collapse; width: 100%; margin: 1rem 0 }
  td, th { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #e3dfd8 }
  td:nth-child(3), th:nth-child(3) { text-align: right; font-variant-numeric: tabular-nums }
  .bad { color: #a4262c } code { background: #efece6; padding: .1rem .3rem; border-radius: 3px }
</style>
<h1>Gatehouse</h1>
<p>Who may open which door, when, with what; and the proof of it.</p>
<p>{% for log, head in heads.items() -%}
   The log of {{ log }} stands at position <b>{{ head }}</b>.
   {% endfor %}What is read from them:</p>
<table>
  <tr><th>read model<th>of<th>position<th>state
  {% for name, log, position, failed in models %}
  <tr><td>{{ name }}<td>{{ log }}<td>{{ position }}
    <td{% if failed %} class="bad">stopped: {{ failed }}
       {%- elif position < heads[log] %}>{{ heads[log] - position }} behind
       {%- else %}>in step{% endif %}
  {% endfor %}
</table>
<p><a href="/api/docs">API documentation</a> · <a href="/api/openapi.json">OpenAPI 3.1</a> ·
   <a href="/healthz">health</a> · <a href="/readyz">readiness</a></p>
<p>Every call wants <code>Authorization: Bearer TOKEN</code>;
   <code>gatehouse token create</code> makes one. <code>gatehouse status</code> says more.</p>
</html>
"""


def home(heads: Mapping[str, Callable[[], int]], follows: Mapping[str, str]) -> Blueprint:
    """`heads`: the last position of each log. `follows`: each read model's log, by name."""
    pages = Blueprint("home", __name__)

    @pages.get("/")
    def index() -> str:
        models = [(name, follows[name], *rest) for name, *rest in standing() if name in follows]
        said = {log: head() for log, head in heads.items()}
        return render_template_string(PAGE, heads=said, models=models)

    @pages.get("/healthz")
    def healthy() -> dict[str, str]:
        return {"status": "ok"}

    @pages.get("/readyz")
    def ready() -> Response | dict[str, str]:
        standing_now = {name for name, _, failed in standing() if not failed}
        if missing := sorted(follows.keys() - standing_now):
            return problem(503, {"Retry-After": "1"}, detail=f"not ready: {', '.join(missing)}")
        return {"status": "ready"}

    return pages


def standing() -> list[tuple[str, int, str | None]]:
    """Every read model with its position, and why it stopped if it did."""
    reading: Reading = current_app.extensions["reading"]
    try:
        return (
            reading.db()
            .execute("select name, position, failed from read.positions order by name")
            .fetchall()
        )
    except OperationalError as failure:
        raise Unavailable from failure
