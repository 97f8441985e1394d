"""Know is tested with Live's own fixtures: facts go in by the inbox."""

from tests.integration.engine.conftest import apply, ground, leases, tell

__all__ = ["apply", "ground", "leases", "tell"]
