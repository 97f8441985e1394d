"""Tags and categories as they are compared."""

import unicodedata


def fold_tag(tag: str) -> str:
    """A tag without regard to case, width of letters and spaces around it.

    >>> fold_tag("  Home Décor ") == fold_tag("home décor"), fold_tag("원두")
    (True, '원두')
    """
    return " ".join(unicodedata.normalize("NFC", tag).lower().split())
