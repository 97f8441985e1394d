"""Text blocks of a letter as people type them: a few plain marks, and back again without loss.

`# heading`, `- item`, `1. item`, `**bold**`, `*italic*`, `[words](https://…)`; an empty line ends a
paragraph; a backslash takes a mark literally. Liquid is left alone.
"""

import re
from collections.abc import Iterator

from dangol.speak.letter.content import Heading, ItemList, Line, Paragraph, Part, Run

_LIQUID = r"\{\{.*?\}\}|\{%.*?%\}"
_TOKEN = re.compile(
    rf"(?P<liquid>{_LIQUID})|\\(?P<escaped>[\\*\[\]()#\-0-9.])|(?P<bold>\*\*)|(?P<italic>\*)"
    rf"|\[(?P<words>(?:\\.|{_LIQUID}|[^\]\\])*)\]\((?P<href>(?:{_LIQUID}|[^()\s]|%28|%29)+)\)",
    re.DOTALL,
)
_BULLET = re.compile(r"[-•] +")
_NUMBER = re.compile(r"\d{1,3}\. +")
_LIST_START = re.compile(r"^(?:[-•#]|\d{1,3}\.)(?= )")
_MARKS = re.compile(rf"({_LIQUID})|([\\*\[])", re.DOTALL)


def read_markup(text: str) -> tuple[Part, ...]:
    """The parts of a text block; there is no text that cannot be read."""
    parts: list[Part] = []
    for lines in _groups(text.replace("\r\n", "\n").replace("\r", "\n")):
        parts += (part for part in _parts_of(lines) if _has_text(part))
    return tuple(parts)


def write_markup(parts: tuple[Part, ...]) -> str:
    """What `read_markup` makes the same parts of."""
    return "\n\n".join(_write_part(part) for part in parts)


def _has_text(part: Part) -> bool:
    return any(part.items) if isinstance(part, ItemList) else bool(part.runs)


def _groups(text: str) -> Iterator[list[str]]:
    group: list[str] = []
    for line in [*text.split("\n"), ""]:
        if line.strip():
            group.append(line.strip())
        elif group:
            yield group
            group = []


def _parts_of(lines: list[str]) -> Iterator[Part]:
    """Paragraphs, headings and lists of one group of lines without an empty one between."""
    start = 0
    while start < len(lines):
        kind = _kind(lines[start])
        end = start + 1
        while end < len(lines) and _kind(lines[end]) == kind and kind != "heading":
            end += 1
        yield _part(kind, lines[start:end])
        start = end


def _kind(line: str) -> str:
    if line.startswith("# "):
        return "heading"
    if _BULLET.match(line):
        return "bullets"
    return "numbers" if _NUMBER.match(line) else "text"


def _part(kind: str, lines: list[str]) -> Part:
    if kind == "heading":
        return Heading(read_runs(lines[0][2:]))
    if kind == "bullets":
        return ItemList(tuple(read_runs(_BULLET.sub("", line, count=1)) for line in lines))
    if kind == "numbers":
        items = tuple(read_runs(_NUMBER.sub("", line, count=1)) for line in lines)
        return ItemList(items, ordered=True)
    return Paragraph(read_runs("\n".join(lines)))


def read_runs(text: str, *, bold: bool = False, italic: bool = False) -> Line:
    """The runs of one line or paragraph; a mark without its partner ends with the line."""
    runs: list[Run] = []
    position = 0
    for found in _TOKEN.finditer(text):
        _add(runs, text[position : found.start()], bold, italic)
        position = found.end()
        if found["bold"]:
            bold = not bold
        elif found["italic"]:
            italic = not italic
        elif found["href"]:
            for run in read_runs(found["words"], bold=bold, italic=italic):
                runs.append(Run(run.text, run.bold, run.italic, found["href"]))
        else:
            _add(runs, found["liquid"] or found["escaped"], bold, italic)
    _add(runs, text[position:], bold, italic)
    return tuple(runs)


def _add(runs: list[Run], text: str, bold: bool, italic: bool) -> None:
    if not text:
        return
    if runs and (runs[-1].bold, runs[-1].italic, runs[-1].href) == (bold, italic, None):
        text = runs.pop().text + text
    runs.append(Run(text, bold, italic))


def _write_part(part: Part) -> str:
    if isinstance(part, ItemList):
        marks = [f"{n}. " if part.ordered else "- " for n in range(1, len(part.items) + 1)]
        return "\n".join(
            mark + _write_runs(item) for mark, item in zip(marks, part.items, strict=True)
        )
    text = _write_runs(part.runs)
    if isinstance(part, Heading):
        return f"# {text}"
    return "\n".join(_LIST_START.sub(r"\\\g<0>", line) for line in text.split("\n"))


def _write_runs(runs: Line) -> str:
    out: list[str] = []
    bold = italic = False
    for run in runs:
        if run.bold != bold:
            out.append("**")
        if run.italic != italic:
            out.append("*")
        bold, italic = run.bold, run.italic
        text = _MARKS.sub(lambda found: found[1] or f"\\{found[2]}", run.text)
        out.append(f"[{text.replace(']', chr(92) + ']')}]({run.href})" if run.href else text)
    return "".join([*out, "*" if italic else "", "**" if bold else ""])
