"""What a list could cost at the least: its statement alone, without Flask, without HTTP."""

import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time
from uuid import UUID

from bench.load import Load
from bench.machine import Meter
from bench.running import Gatehouse

STATEMENT = """
select doc, name, resident from read.residents where community = '{}'
order by name, resident limit 51
"""


def in_process(page: Callable[[], object], seconds: float) -> Load:
    """Again and again, on one connection."""
    page()
    latencies, meter, cpu, begun = list[float](), Meter(), process_time(), perf_counter()
    while (asked := perf_counter()) < begun + seconds:
        page()
        latencies.append(perf_counter() - asked)
    taken = perf_counter() - begun
    return Load(taken, sorted(latencies), process_time() - cpu, meter.usage())


def pgbench(house: Gatehouse, community: UUID, clients: int, seconds: float) -> Load:
    """A C program that asks for the same rows; it comes with the embedded PostgreSQL."""
    server = house.config().embedded
    assert server
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "page.sql")
        script.write_text(STATEMENT.format(community))
        meter, begun = Meter(), perf_counter()
        subprocess.run(  # noqa: S603
            [
                str(Path(server.command()[0]).with_name("pgbench")),
                *("--no-vacuum", "--protocol=prepared", f"--client={clients}", "--jobs=2"),
                *(f"--time={max(1, round(seconds))}", f"--file={script}"),
                *("--log", f"--log-prefix={folder}/samples", server.conninfo()),
            ],
            check=True,
            capture_output=True,
        )
        taken, usage = perf_counter() - begun, meter.usage()
        samples = [
            int(line.split()[2]) / 1e6
            for log in Path(folder).glob("samples.*")
            for line in log.read_text().splitlines()
        ]
    return Load(taken, sorted(samples), 0.0, usage)
