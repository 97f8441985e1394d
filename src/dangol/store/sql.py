"""Named SQL: statements live in a package's `queries.sql`, each under `-- name:` and a sentence."""

import re
from functools import cache
from importlib.resources import files

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


class Queries:
    """The statements of one package as attributes; an unknown name fails at once."""

    def __init__(self, package: str) -> None:
        self.package = package
        text = files(package).joinpath("queries.sql").read_text(encoding="utf-8")
        parts = _NAME.split(text)
        self.names = tuple(parts[1::2])
        for name, body in zip(parts[1::2], parts[2::2], strict=True):
            if hasattr(self, name):
                raise ValueError(f"{package}/queries.sql names {name} twice")
            setattr(self, name, body.strip())

    def __getattr__(self, name: str) -> str:
        raise AttributeError(f"{self.package}/queries.sql has no statement named {name}")


@cache
def load_queries(package: str) -> Queries:
    """The statements of `package` (its `__package__`), read once per process."""
    return Queries(package)
