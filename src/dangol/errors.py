"""The error tree. Each docstring is the message: what happened, then what to do.

A message that holds values is raised as a sentence with names in braces and the values beside it:
`InputError("{file} is empty.", file=name)`. `str(error)` is the English sentence; for another
language `web.words` looks the sentence up in its `errors/` and fills in the same values.
"""


class DangolError(Exception):
    """Something went wrong that a person can act on."""

    def __init__(self, sentence: str | None = None, /, **values: object) -> None:
        self.sentence = sentence or (type(self).__doc__ or "").split("\n\n")[0]
        """What went wrong in English, with the names of `values` in braces."""
        self.values = {name: _plain(value) for name, value in values.items()}
        super().__init__(self.sentence.format(**self.values) if values else self.sentence)


def _plain(value: object) -> str | int | float:
    """A value that can be stored, sent and shown in any language."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return value


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
