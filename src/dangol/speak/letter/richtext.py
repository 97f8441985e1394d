"""Rich text of the editor: hostile HTML in, our small document out, and back.

nh3 (ammonia, a real HTML5 parser) throws away what is no text; what is left is read into runs.
Whatever came in, only paragraphs, headings, lists, bold, italic and safe links come out.
"""

from html import escape
from html.parser import HTMLParser

import nh3

from dangol.speak.letter.content import Heading, ItemList, Line, Paragraph, Part, Run
from dangol.speak.links.collect import is_safe

_TAGS = {"p", "div", "br", "h1", "h2", "h3", "ul", "ol", "li", "b", "strong", "i", "em", "a"}
_BREAKING = {"p", "div", "h1", "h2", "h3", "ul", "ol", "li"}


def read_html(html: str) -> tuple[Part, ...]:
    """The document in `html`; empty paragraphs are dropped.

    >>> write_html(read_html('<p>Hi <b onclick="x()">you</b><script>alert(1)</script></p>'))
    '<p>Hi <strong>you</strong></p>'
    """
    clean = nh3.clean(html.replace("\0", ""), tags=_TAGS, attributes={"a": {"href"}}, link_rel=None)
    reader = _Reader()
    reader.feed(clean)
    reader.close()
    return reader.finish()


def write_html(parts: tuple[Part, ...]) -> str:
    """The HTML of a document for the editor; `read_html` of it gives the document again."""
    return "".join(_write(part) for part in parts)


def _write(part: Part) -> str:
    match part:
        case ItemList(items, ordered):
            tag = "ol" if ordered else "ul"
            return f"<{tag}>{''.join(f'<li>{_write_line(item)}</li>' for item in items)}</{tag}>"
        case Heading(runs):
            return f"<h2>{_write_line(runs)}</h2>"
        case _:
            return f"<p>{_write_line(part.runs)}</p>"


def _write_line(line: Line) -> str:
    return "".join(_write_run(run) for run in line)


def _write_run(run: Run) -> str:
    html = escape(run.text, quote=False).replace("\n", "<br>")
    if run.italic:
        html = f"<em>{html}</em>"
    if run.bold:
        html = f"<strong>{html}</strong>"
    return html if run.href is None else f'<a href="{escape(run.href)}">{html}</a>'


class _Reader(HTMLParser):
    """Collects runs into lines, and lines into parts."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._parts: list[Part] = []
        self._line: list[Run] = []
        self._items: list[Line] | None = None
        self._ordered = False
        self._heading = False
        self._bold = self._italic = 0
        self._hrefs: list[str | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BREAKING:
            self._end_line()
        if tag in {"b", "strong"}:
            self._bold += 1
        elif tag in {"i", "em"}:
            self._italic += 1
        elif tag == "a":
            href = (dict(attrs).get("href") or "").strip()
            self._hrefs.append(href if is_safe(href) else None)
        elif tag == "br":
            self._add("\n")
        elif tag in {"h1", "h2", "h3"}:
            self._heading = True
        elif tag in {"ul", "ol"} and self._items is None:
            self._items, self._ordered = [], tag == "ol"

    def handle_endtag(self, tag: str) -> None:
        if tag in {"b", "strong"}:
            self._bold = max(self._bold - 1, 0)
        elif tag in {"i", "em"}:
            self._italic = max(self._italic - 1, 0)
        elif tag == "a" and self._hrefs:
            self._hrefs.pop()
        elif tag in _BREAKING:
            self._end_line()
            self._heading = self._heading and tag not in {"h1", "h2", "h3"}
            if tag in {"ul", "ol"}:
                self._end_list()

    def handle_data(self, data: str) -> None:
        text = " ".join(data.split("\n")) if "\n" in data else data
        if text.strip() or (text and self._line):
            self._add(text)

    def finish(self) -> tuple[Part, ...]:
        """The parts, once everything is fed."""
        self._end_line()
        self._end_list()
        return tuple(self._parts)

    def _add(self, text: str) -> None:
        href = self._hrefs[-1] if self._hrefs else None
        run = Run(text, bool(self._bold), bool(self._italic), href)
        last = self._line[-1] if self._line else None
        if last and (last.bold, last.italic, last.href) == (run.bold, run.italic, run.href):
            self._line[-1] = Run(last.text + text, run.bold, run.italic, run.href)
        else:
            self._line.append(run)

    def _end_line(self) -> None:
        line, self._line = tuple(self._line), []
        if not any(run.text.strip() for run in line):
            return
        if self._items is not None:
            self._items.append(line)
        elif self._heading:
            self._parts.append(Heading(line))
        else:
            self._parts.append(Paragraph(line))

    def _end_list(self) -> None:
        items, self._items = self._items, None
        if items:
            self._parts.append(ItemList(tuple(items), self._ordered))
