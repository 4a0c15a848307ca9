"""pylocal-akuvox, the public client of real phones, as it is on PyPI.

It asks for Python 3.13, for two spellings that 3.11 does not know and that change nothing: these
are put the older way when it is read, and nothing else is.
"""

import re
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType
from typing import Any

NAME = "pylocal_akuvox"
OLDER = (
    (re.compile(rb"^(\s*)type (\w+ = )", re.MULTILINE), rb"\1\2"),
    (re.compile(rb"^(\s*(?:async )?def \w+)\[\w+\]\(", re.MULTILINE), rb"\1("),
)


def spelled(source: bytes) -> bytes:
    """`type X = …` as `X = …`, `def f[T](` as `def f(`."""
    for newer, older in OLDER:
        source = newer.sub(older, source)
    return source


class Loader(SourceFileLoader):
    def get_code(self, fullname: str) -> CodeType | None:
        """Past the cache of compiled files, which are somebody else's."""
        path = self.get_filename(fullname)
        return self.source_to_code(spelled(self.get_data(path)), path)


class Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] != NAME:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec and spec.origin:
            spec.loader = Loader(fullname, spec.origin)
        return spec


def library() -> Any:
    """ImportError where it is not installed."""
    if sys.version_info < (3, 12) and not any(isinstance(one, Finder) for one in sys.meta_path):
        sys.meta_path.insert(0, Finder())
    return import_module(NAME)
