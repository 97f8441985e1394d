"""HTML bodies as plain text: what is quoted becomes lines that begin with `>`."""

import re
from html.parser import HTMLParser

import nh3

_BREAKS = frozenset(["br", "div", "hr", "li", "p", "pre", "table", "tr", "blockquote"])
_HEADINGS = frozenset(["h1", "h2", "h3", "h4", "h5", "h6", "section", "article", "dt", "dd"])
_QUOTES = re.compile(r"\b(gmail_quote|yahoo_quoted|moz-cite-prefix|protonmail_quote)\b")
_DEEPEST = 9
_MOST_TAGS = 10_000


class _Reader(HTMLParser):
    """Collects lines with the depth of quoting that each stands in; takes well-formed HTML."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[str] = []
        self._line: list[str] = []
        self._open: list[bool] = []
        self._quoting = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a line or a quotation."""
        if tag in _BREAKS or tag in _HEADINGS:
            self.end_line()
        if tag in ("br", "hr"):
            return
        classes = dict(attrs).get("class") or ""
        self._open.append(tag == "blockquote" or (tag == "div" and bool(_QUOTES.search(classes))))
        self._quoting += self._open[-1]

    def handle_endtag(self, tag: str) -> None:
        """End them again."""
        if tag in _BREAKS or tag in _HEADINGS:
            self.end_line()
        if self._open:
            self._quoting -= self._open.pop()

    def handle_data(self, data: str) -> None:
        """Text, in whatever it stands."""
        self._line.append(data)

    def end_line(self) -> None:
        """Keep what was collected as a line."""
        text = " ".join("".join(self._line).split())
        self._line = []
        depth = min(self._quoting, _DEEPEST)
        self.lines.append(f"{'>' * depth} {text}" if depth else text)


def html_to_text(html: str) -> str:
    """The readable text of `html`, however broken it is; runs of empty lines become one.

    The sanitiser's parser, which is that of browsers and linear, makes it well-formed first.
    """
    clean = nh3.clean(
        _cut(html),
        tags=set(_BREAKS | _HEADINGS),
        clean_content_tags={"script", "style", "title", "template"},
        attributes={"div": {"class"}},
        link_rel=None,
    )
    reader = _Reader()
    reader.feed(clean)
    reader.close()
    reader.end_line()
    text = "\n".join(line.rstrip() for line in reader.lines)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def _cut(html: str) -> str:
    """At most so many tags: deep nesting costs the parser the square of its depth."""
    if html.count("<") <= _MOST_TAGS:
        return html
    return "<".join(html.split("<", _MOST_TAGS)[:-1])
