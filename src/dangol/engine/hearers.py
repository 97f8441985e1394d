"""Who reads the intake kinds that need more than parsing: opens and clicks, mail, forms.

Each is made once per process with the keyring and the journal, and then called by Route inside its
transaction, see `dangol.engine.route.Hearer`.
"""

import importlib
from importlib.util import find_spec

from dangol.engine.route import Hearer
from dangol.store.journal import Journal
from dangol.store.keyring import Keyring

HEARERS = {
    "hit": "dangol.speak.links.hearer",
    "mail": "dangol.converse.hearer",
    "form": "dangol.engine.forms",
}
"""Modules with `make_hearer(keyring, journal) -> Hearer`."""


def load_hearers(keyring: Keyring, journal: Journal) -> dict[str, Hearer]:
    """A hearer for each kind that this version can read; rows of other kinds stay."""
    return {
        kind: importlib.import_module(module).make_hearer(keyring, journal)
        for kind, module in HEARERS.items()
        if find_spec(module) is not None
    }
