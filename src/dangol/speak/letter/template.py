"""Liquid as letters use it: a strict subset with bounds, every mistake found before sending.

Liquid pieces are taken out of the texts before layout (`Vault.hide`) and put back into the
finished HTML or text (`Vault.fill`), each with the escaping of its place. So markup never meets
Liquid, and a mistake can be told at its place in the text where it was typed.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from enum import StrEnum
from functools import cache, lru_cache
from hashlib import sha256
from html import escape
from typing import Any
from urllib.parse import quote

import msgspec
from liquid import Environment
from liquid.ast import Node
from liquid.builtin.expressions.primitive import RangeLiteral
from liquid.context import RenderContext
from liquid.exceptions import LiquidError, LoopIterationLimitError, ResourceLimitError
from liquid.template import BoundTemplate

from dangol.errors import DangolError
from dangol.speak.letter.filters import filters_for, to_text

MAX_ITERATIONS = 1_000
"""Turns of all loops of one letter together."""
MAX_OUTPUT = 1_000_000
"""Bytes that one template may render."""
_TAGS = ("if", "unless", "case", "for", "break", "continue", "assign", "comment", "#")
_OPENS_NEXT = re.compile(r"\{(?=[{%])")
_CLOSING = {"{{": "}}", "{%": "%}"}
_OPEN = re.compile(r"\{\{|\{%")


class TemplateRefused(DangolError):
    """This letter cannot be rendered for this person."""


class Place(StrEnum):
    """Where a piece of Liquid stands, which decides how its value is escaped."""

    HTML = "html"
    URL = "url"
    TEXT = "text"


class Piece(msgspec.Struct, frozen=True):
    """One `{{ … }}` or `{% … %}` as it was typed."""

    source: str
    place: Place
    where: str
    line: int
    column: int


class Fault(msgspec.Struct, frozen=True):
    """What is wrong with a piece: `code` is a problem code, positions count from 1."""

    code: str
    where: str
    line: int
    column: int
    seen: dict[str, Any] = {}


class Vault:
    """Keeps the Liquid of one variant while the rest is laid out.

    Marks are letters and digits that begin with a digest of the content, so that no text of the
    content can contain one, and no layout program changes one.
    """

    def __init__(self, content: str) -> None:
        salt = "m" + sha256(content.encode("utf-8", "replace")).hexdigest()[:15]
        self._piece_mark = f"{salt}p{{}}z"
        self._piece_pattern = re.compile(f"{salt}p([0-9]+)z")
        self._kept_mark = f"{salt}k{{}}z"
        self._kept_pattern = re.compile(f"{salt}k([0-9]+)z")
        self._pieces: list[Piece] = []
        self._kept: list[str] = []
        self.faults: list[Fault] = []
        """What was opened and never closed."""

    def hide(self, text: str, place: Place, where: str = "") -> str:
        """`text` with a mark in place of every piece of Liquid."""

        parts, done = [], 0
        for start, end in _find_pieces(text):
            position = _line_and_column(text, start)
            self._pieces.append(Piece(text[start:end], place, where, *position))
            parts += [text[done:start], self._piece_mark.format(len(self._pieces) - 1)]
            done = end
        hidden = "".join([*parts, text[done:]])
        if unclosed := _OPEN.search(hidden):
            seen = {"message": "never closed", "piece": hidden[unclosed.start() :][:40]}
            position = _line_and_column(text, text.rfind(unclosed[0]))
            self.faults.append(Fault("liquid_syntax", where, *position, seen))
        return hidden

    def keep(self, html: str) -> str:
        """A mark for finished HTML that the layout must not touch, marks of `hide` included.

        mrml writes attributes the way Rust shows strings for debugging: backslashes doubled,
        invisible characters as \\u{200d}. So every attribute that people typed goes in here.
        """
        self._kept.append(html)
        return self._kept_mark.format(len(self._kept) - 1)

    def fill(self, laid_out: str) -> "Source":
        """The template: every mark is its Liquid again, with the filter of its place."""
        whole = self._kept_pattern.sub(lambda mark: self._kept[int(mark[1])], laid_out)
        parts, starts, pieces, size = [], [], [], 0
        for index, part in enumerate(self._piece_pattern.split(whole)):
            text = part
            if index % 2:
                piece = self._pieces[int(part)]
                text = _with_escape(piece)
                starts.append(size)
                pieces.append(piece)
            elif _OPEN.search(part):
                text = _OPENS_NEXT.sub("{ ", part)
            parts.append(text)
            size += len(text)
        return Source("".join(parts), tuple(starts), tuple(pieces))


class Source(msgspec.Struct, frozen=True):
    """A Liquid template and where each of its pieces came from."""

    text: str
    starts: tuple[int, ...] = ()
    pieces: tuple[Piece, ...] = ()

    def fault_at(self, index: int, code: str, **seen: Any) -> Fault:
        """A fault at position `index` of the template, told where the piece was typed."""
        found = bisect_right(self.starts, index) - 1
        if found < 0:
            return Fault(code, "", 1, 1, seen)
        piece = self.pieces[found]
        inside = piece.source[: max(min(index - self.starts[found], len(piece.source)), 0)]
        if "\n" in inside:
            line, column = piece.line + inside.count("\n"), len(inside) - inside.rfind("\n")
        else:
            line, column = piece.line, piece.column + len(inside)
        return Fault(code, piece.where, line, column, seen | {"piece": piece.source})


def _find_pieces(text: str) -> Iterator[tuple[int, int]]:
    """Where each piece of Liquid begins and ends; what is never closed is none. Linear."""
    at = 0
    while opened := _OPEN.search(text, at):
        end = text.find(_CLOSING[opened[0]], opened.end())
        if end < 0:
            return
        at = end + 2
        yield opened.start(), at


def _line_and_column(text: str, index: int) -> tuple[int, int]:
    before = text[:index]
    return before.count("\n") + 1, index - before.rfind("\n")


def _with_escape(piece: Piece) -> str:
    if not piece.source.startswith("{{"):
        return piece.source
    inner = piece.source[2:-2]
    tail = "-" if inner.endswith("-") else ""
    return f"{{{{{inner.removesuffix('-').rstrip()} | {_ESCAPES[piece.place]} {tail}}}}}"


_ESCAPES = {Place.HTML: "for_html", Place.URL: "for_url", Place.TEXT: "for_text"}
ESCAPES = frozenset(_ESCAPES.values())
"""The filters that the program adds itself."""
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def escape_text(value: object) -> str:
    """`value` as plain text, without control characters."""
    return _CONTROL.sub("", to_text(value))


def escape_html(value: object) -> str:
    """`value` as HTML text or attribute."""
    return escape(escape_text(value))


def escape_url(value: object) -> str:
    """`value` as one part of a path or query, safe inside an HTML attribute as well."""
    return quote(escape_text(value), safe="")


class _Context(RenderContext):
    """Counts the turns of all loops, nested or one after the other."""

    turns = 0

    def raise_for_loop_limit(self, length: int = 1) -> None:
        self.turns += length
        for loop in self.loops:
            length *= loop.length
        if max(self.turns, length) > MAX_ITERATIONS:
            raise LoopIterationLimitError("too many turns", token=None)


class _Template(BoundTemplate):
    context_class = _Context


class _Environment(Environment):
    template_class = _Template
    block_nesting_limit = 20
    loop_iteration_limit = MAX_ITERATIONS
    local_namespace_limit = 100_000
    output_stream_limit = MAX_OUTPUT


def environment_for(locale: str) -> Environment:
    """The subset of Liquid that letters may use, with the filters of a locale's language."""
    return _environment(locale.replace("_", "-").split("-")[0].lower())


@cache
def _environment(language: str) -> Environment:
    env = _Environment()
    env.tags = {
        name: tag
        for name, tag in env.tags.items()
        if name in {*_TAGS, "content", "output", "illegal"}
    }
    env.filters = dict(filters_for(language))
    env.filters["for_html"] = escape_html
    env.filters["for_url"] = escape_url
    env.filters["for_text"] = escape_text
    return env


def list_filters() -> list[str]:
    """The filters that may be written in a letter."""
    return sorted(filters_for("en"))


def list_tags() -> list[str]:
    """The tags that may be written in a letter."""
    return [name for name in _TAGS if name != "#"]


@lru_cache(maxsize=256)
def parse(source: str, locale: str) -> BoundTemplate:
    """The parsed template.

    Raises:
        LiquidError: its syntax is wrong; `find_faults` says it better.
    """
    return environment_for(locale).from_string(source)


def render(source: str, locale: str, values: dict[str, Any]) -> str:
    """The text of a template for one person.

    Raises:
        TemplateRefused: it ran into a bound, or divides by something that is no number.
    """
    try:
        return parse(source, locale).render(**values)
    except ResourceLimitError as error:
        raise TemplateRefused("The letter has no end: {error}.", error=error.message) from None
    except (LiquidError, ArithmeticError, ValueError, TypeError, RecursionError) as error:
        raise TemplateRefused(
            "The letter cannot be rendered for this person: {error}", error=error
        ) from None


def find_faults(source: Source, locale: str, allowed: dict[str, frozenset[str]]) -> list[Fault]:
    """Everything wrong with the Liquid of `source`: syntax, unknown tags, filters and names.

    `allowed` has the names of each root, such as {"customer": {"name", …}}.
    """
    try:
        template = parse(source.text, locale)
    except LiquidError as error:
        return [_syntax_fault(source, error)]
    except RecursionError:
        return [Fault("liquid_syntax", "", 1, 1, {"message": "nested too deeply"})]
    faults = [*_unknown_filters(source, template), *_unknown_names(source, template, allowed)]
    for item in _outside_loops(template.nodes):
        if isinstance(item, RangeLiteral):
            place = item.token.start_index if item.token else 0
            faults.append(
                source.fault_at(place, "liquid_endless", message="a range outside a for loop")
            )
    return faults


def _syntax_fault(source: Source, error: LiquidError) -> Fault:
    index = error.token.start_index if error.token else 0
    message = str(error.message)
    if "tag" in message and ("unexpected" in message or "unknown" in message):
        return source.fault_at(index, "unknown_tag", message=message, available=list_tags())
    return source.fault_at(index, "liquid_syntax", message=message)


def _unknown_filters(source: Source, template: BoundTemplate) -> Iterable[Fault]:
    for name, spans in template.analyze().filters.items():
        if name not in template.env.filters:
            for span in spans:
                yield source.fault_at(
                    span.index, "unknown_filter", name=name, available=list_filters()
                )


def _unknown_names(
    source: Source, template: BoundTemplate, allowed: dict[str, frozenset[str]]
) -> Iterable[Fault]:
    for root, uses in template.analyze().globals.items():
        for use in uses:
            names = [str(segment) for segment in use.segments]
            if root not in allowed:
                known = sorted(allowed)
            elif len(names) > 1 and isinstance(use.segments[1], str) and names[1] in allowed[root]:
                continue
            else:
                known = sorted(f"{root}.{name}" for name in allowed[root])
            yield source.fault_at(
                use.span.index, "unknown_name", name=".".join(names), available=known
            )


@lru_cache(maxsize=1024)
def names_used(source: str, locale: str, root: str) -> frozenset[str]:
    """The second segments of all `root.name` that a template reads."""
    uses = parse(source, locale).analyze().globals.get(root, [])
    return frozenset(str(use.segments[1]) for use in uses if len(use.segments) > 1)


def _outside_loops(nodes: Iterable[Node]) -> Iterable[object]:
    """The expressions of all nodes but what a `for` goes over."""
    for node in nodes:
        if type(node).__name__ != "ForNode":
            for expression in node.expressions():
                yield from _expressions(expression)
        yield from _outside_loops(node.children(_NO_CONTEXT, include_partials=False))


def _expressions(expression: Any) -> Iterable[object]:
    yield expression
    for child in expression.children():
        yield from _expressions(child)


_NO_CONTEXT = RenderContext(Environment().from_string(""))
