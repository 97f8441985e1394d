"""What keeps our processes small and unhurried. Standard library only."""

import atexit
import gc
import sys

ENVIRONMENT = {"MALLOC_ARENA_MAX": "2", "OPENBLAS_NUM_THREADS": "1"}
"""A few threads that mostly sleep need no heap each, and nobody here multiplies matrices."""


def forgo_colours() -> None:
    """Keep structlog from loading `rich` and its grammars of languages: 5 MB in each process."""
    sys.modules.setdefault("rich", None)  # type: ignore[arg-type]


def calm_collector() -> None:
    """Leave what was loaded alone, and look for cycles among many new values only.

    Batches of events and requests that wait for a commit are many values that hold no cycles:
    going through them again and again took a third of Route's time, and of that of a click.
    At the end of the process everything is let go of again, else DuckDB reports what is left.
    """
    gc.collect()
    gc.freeze()
    atexit.register(gc.unfreeze)
    gc.set_threshold(100_000, 50, 100)
