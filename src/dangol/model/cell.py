"""Values as the cells of a CSV file, which a spreadsheet must never take for formulas."""

_COMPUTED = ("=", "+", "-", "@", "\t", "\r")


def as_cell(value: object) -> str:
    """A value as text; what a spreadsheet would compute gets an apostrophe in front.

    >>> as_cell("=1+1"), as_cell(-5), as_cell(None)
    ("'=1+1", '-5', '')
    """
    if value is None:
        return ""
    if isinstance(value, bool | int | float):
        return str(value)
    text = value.isoformat() if hasattr(value, "isoformat") else str(value)
    return f"'{text}" if text.startswith(_COMPUTED) else text


def from_cell(text: str) -> str:
    """The text of a cell that `as_cell` wrote.

    >>> from_cell("'-10 % today"), from_cell("'quoted'")
    ('-10 % today', "'quoted'")
    """
    return text[1:] if text.startswith("'") and text[1:].startswith(_COMPUTED) else text
