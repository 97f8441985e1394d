"""The error tree. Each docstring is the message: what happened, then what to do."""


class DangolError(Exception):
    """Something went wrong that a person can act on."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").split("\n\n")[0])


class ServerError(DangolError):
    """The embedded PostgreSQL did not start; its log says why."""


class DataInUse(DangolError):
    """Another process holds this data folder; stop it first or choose another with --data."""


class SchemaMismatch(DangolError):
    """The database belongs to another version of Dangol; install that version or upgrade."""


class SettingError(DangolError):
    """A setting has a value that cannot be used."""


class InputError(DangolError):
    """What was given cannot be used; nothing was changed."""


class NotFound(DangolError):
    """There is no such thing; it may have been removed."""


class Conflict(DangolError):
    """Somebody changed it in the meantime; load it again and repeat."""


class Refused(DangolError):
    """It is not allowed in this state."""


class LeaseLost(DangolError):
    """Another worker took over this partition; this one must stop working on it."""


class StorageError(DangolError):
    """A file could not be written; free space or repair the disk, it is tried again by itself."""
