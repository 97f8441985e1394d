"""What keeps processes small that mostly wait. Standard library only."""

import sys

ENVIRONMENT = {"MALLOC_ARENA_MAX": "2", "OPENBLAS_NUM_THREADS": "1"}
"""A few threads that mostly sleep need no heap each, and nobody here multiplies matrices."""


def forgo_colours() -> None:
    """Keep structlog from loading `rich` and its grammars of languages: 5 MB in each process."""
    sys.modules.setdefault("rich", None)  # type: ignore[arg-type]
