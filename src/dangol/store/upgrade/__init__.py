"""Moving the embedded database to the PostgreSQL of this version: dump, load, compare, swap."""

from dangol.store.upgrade.moving import remove_kept, upgrade

__all__ = ["remove_kept", "upgrade"]
