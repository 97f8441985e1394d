"""The look of a letter: blocks become MJML, MJML becomes HTML that mail programs agree on.

Nothing that the team typed reaches MJML as markup: texts are escaped here, Liquid is out in the
`Vault`. mrml draws unknown tags without a word and links web fonts and icons unless told not to,
css-inline fetches style sheets and drops @media unless told not to: both are told.
"""

from collections.abc import Callable
from html import escape
from urllib.parse import quote

import css_inline
import mrml
import msgspec
import nh3

from dangol.speak.letter.content import (
    AnswerBy,
    Block,
    Button,
    Divider,
    ItemList,
    Line,
    Paragraph,
    Part,
    Photo,
    Question,
    Run,
    Text,
    Variant,
)
from dangol.speak.letter.phrases import phrase
from dangol.speak.letter.template import Place, Source, Vault
from dangol.speak.links.collect import OWN_LINK, is_counted, is_safe

_INLINER = css_inline.CSSInliner(
    keep_style_tags=False, keep_at_rules=True, load_remote_stylesheets=False
)
_BASE_STYLE = '<style type="text/css">\n#outlook a'
_NOT_INLINED = '<style type="text/css" data-css-inline="ignore">\n#outlook a'
_BASE_RULES = (
    "<style>body{margin:0;padding:0;-webkit-text-size-adjust:100%;-ms-text-size-adjust:100%}"
    "table,td{border-collapse:collapse;mso-table-lspace:0;mso-table-rspace:0}"
    "img{border:0;line-height:100%;-ms-interpolation-mode:bicubic}</style></head>"
)
"""Rules for every table and picture: inlined, as mrml's are, they would double a letter's size."""
_RIGHT_TO_LEFT = ("ar", "fa", "he", "ur")
_FONTS = "Arial, 'Apple SD Gothic Neo', 'Malgun Gothic', 'Noto Sans KR', sans-serif"
_TEXT_TAGS = {"p", "h2", "ul", "ol", "li", "strong", "em", "a", "br"}
_HEAD = """<mj-head><mj-title>{title}</mj-title><mj-preview>{preheader}</mj-preview>
<mj-raw><meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" \
content="light dark"><meta name="format-detection" content="telephone=no,date=no,address=no"></mj-raw>
<mj-attributes><mj-all font-family="{fonts}"/>
<mj-text font-size="16px" line-height="1.65" color="#222222" padding="8px 24px"/>
<mj-button align="{start}" background-color="#1f5f4a" color="#ffffff" font-size="16px" border-radius="6px" \
inner-padding="12px 24px" padding="12px 24px"/>
<mj-image padding="8px 24px"/><mj-divider border-width="1px" border-color="#dddddd" padding="16px 24px"/>
</mj-attributes><mj-style>p {{ margin: 0 0 12px; }} h2 {{ font-size: 20px; line-height: 1.35; margin: 12px 0; }} \
ul, ol {{ margin: 0 0 12px; padding-left: 24px; }} .sheet p a, .sheet li a, .sheet h2 a {{ color: #1f5f4a; }} \
.foot p {{ margin: 0 0 6px; }} .foot p a {{ color: #5f5f5f; }}</mj-style>
<mj-style>@media (prefers-color-scheme: dark) {{ body, .page {{ background: #101112 !important; }} \
.sheet, .sheet > table {{ background: #1b1c1e !important; }} \
.sheet div, .sheet p, .sheet li, .sheet h2 {{ color: #eeeeee !important; }} \
.sheet p a, .sheet li a, .sheet h2 a {{ color: #8fd3b6 !important; }} \
.foot div, .foot p, .foot p a {{ color: #b5b5b5 !important; }} }}</mj-style></mj-head>"""


class Frame(msgspec.Struct, frozen=True):
    """What the drawing of a letter depends on besides its text."""

    locale: str
    base_url: str
    """Where our own links and pictures are reached, without a slash at the end."""
    link_number: Callable[[str], int | None]
    """The number of a counted link; None leaves it as it is."""
    pixel: bool
    footer: tuple[tuple[str, str | None], ...] = ()
    """Lines of the footer, each with its link."""


def direction(locale: str) -> str:
    """`rtl` for languages written from right to left, else `ltr`."""
    return "rtl" if locale.replace("_", "-").split("-")[0].lower() in _RIGHT_TO_LEFT else "ltr"


def draw(variant: Variant, frame: Frame, vault: Vault) -> Source:
    """The HTML part as a template."""
    drawing = _Drawing(frame, vault)
    mjml = drawing.document(variant)
    options = mrml.RenderOptions(disable_comments=False, social_icon_origin=None, fonts={})
    html = mrml.to_html(mjml, render_options=options).content
    inlined = _INLINER.inline(html.replace(_BASE_STYLE, _NOT_INLINED, 1))
    return vault.fill(inlined.replace("</head>", _BASE_RULES, 1))


class _Drawing:
    """Turns blocks into MJML, hiding Liquid in the vault as it goes."""

    def __init__(self, frame: Frame, vault: Vault) -> None:
        self._frame = frame
        self._vault = vault

    def document(self, variant: Variant) -> str:
        frame = self._frame
        head = _HEAD.format(
            title=self._vault.keep(self._text(variant.subject, "")),
            preheader=self._text(variant.preheader, "preheader"),
            fonts=escape(_FONTS),
            start="right" if direction(frame.locale) == "rtl" else "left",
        )
        blocks = "".join(
            self._block(block, f"blocks.{index}") for index, block in enumerate(variant.blocks)
        )
        pixel = self._pixel() if frame.pixel else ""
        return (
            f'<mjml lang="{escape(frame.locale)}" dir="{direction(frame.locale)}">{head}'
            '<mj-body width="600px" background-color="#f3f1ec" css-class="page">'
            '<mj-section background-color="#ffffff" css-class="sheet" padding="20px 0">'
            f"<mj-column>{blocks}</mj-column></mj-section>"
            f'<mj-section css-class="foot" padding="12px 0">'
            f"<mj-column>{self._footer()}</mj-column></mj-section>{pixel}</mj-body></mjml>"
        )

    def _block(self, block: Block, where: str) -> str:
        match block:
            case Text(parts):
                return f"<mj-text{self._align()}>{self._parts(parts, f'{where}.text')}</mj-text>"
            case Photo():
                return self._photo(block, where)
            case Button(label, href):
                label = self._text(label, f"{where}.label")
                return f"<mj-button {self._href(href, f'{where}.href')}>{label}</mj-button>"
            case Question():
                return self._question(block, where)
            case Divider():
                return "<mj-divider/>"

    def _parts(self, parts: tuple[Part, ...], where: str) -> str:
        html = "".join(self._part(part, where) for part in parts)
        return nh3.clean(
            html,
            tags=_TEXT_TAGS,
            attributes={"a": {"href"}},
            url_schemes={"http", "https", "mailto", "tel"},
            link_rel=None,
        ).replace("<br>", "<br/>")

    def _part(self, part: Part, where: str) -> str:
        match part:
            case ItemList(items, ordered):
                tag = "ol" if ordered else "ul"
                rows = "".join(f"<li>{self._line(item, where)}</li>" for item in items)
                return f"<{tag}>{rows}</{tag}>"
            case Paragraph(runs):
                return f"<p>{self._line(runs, where)}</p>"
            case _:
                return f"<h2>{self._line(part.runs, where)}</h2>"

    def _line(self, runs: Line, where: str) -> str:
        return "".join(self._run(run, where) for run in runs)

    def _run(self, run: Run, where: str) -> str:
        html = self._text(run.text, where).replace("\n", "<br>")
        if run.bold:
            html = f"<strong>{html}</strong>"
        if run.italic:
            html = f"<em>{html}</em>"
        return html if run.href is None else f"<a {self._href(run.href, where)}>{html}</a>"

    def _photo(self, photo: Photo, where: str) -> str:
        source = f"{self._frame.base_url}/b/{photo.blob}" if photo.blob else photo.url or ""
        alt = self._text(photo.alt, f"{where}.alt")
        link = f" {self._href(photo.href, f'{where}.href')}" if photo.href else ""
        keep = self._vault.keep
        return f'<mj-image src="{keep(escape(source))}" alt="{keep(alt)}"{link}/>'

    def _question(self, question: Question, where: str) -> str:
        prompt = f"<p><strong>{self._text(question.prompt, f'{where}.prompt')}</strong></p>"
        if question.answer_by is AnswerBy.REPLY:
            prompt += f"<p>{escape(phrase(self._frame.locale, 'reply'))}</p>"
        buttons = [
            f"<mj-button {self._choice(question, where, index)}>"
            f"{self._text(choice, f'{where}.choices')}</mj-button>"
            for index, choice in enumerate(question.choices)
        ]
        if not buttons and question.answer_by is AnswerBy.LINK:
            label = escape(phrase(self._frame.locale, "answer"))
            buttons = [f"<mj-button {self._choice(question, where, 0)}>{label}</mj-button>"]
        return f"<mj-text{self._align()}>{prompt}</mj-text>" + "".join(buttons)

    def _choice(self, question: Question, where: str, index: int) -> str:
        if question.answer_by is AnswerBy.REPLY:
            choice = question.choices[index]
            return self._own("link.reply", "" if "{" in choice else f"?body={quote(choice)}")
        return self._own(f"link.question_{where.split('.')[1]}", f"?answer={index}")

    def _footer(self) -> str:
        lines = []
        for text, link in self._frame.footer:
            shown = escape(text)
            lines.append(f"<p><a {self._own(link)}>{shown}</a></p>" if link else f"<p>{shown}</p>")
        return (
            f'<mj-text font-size="13px" line-height="1.5" color="#5f5f5f"{self._align()}>'
            f"{''.join(lines)}</mj-text>"
        )

    def _pixel(self) -> str:
        source = self._vault.hide("{{ link.open }}", Place.HTML)
        return (
            f'<mj-raw><img src="{source}" width="1" height="1" alt="" '
            'style="display:block;border:0;width:1px;height:1px" /></mj-raw>'
        )

    def _text(self, text: str, where: str) -> str:
        return escape(self._vault.hide(text, Place.HTML, where))

    def _own(self, name: str, tail: str = "") -> str:
        return self._attribute(self._vault.hide(f"{{{{ {name} }}}}", Place.HTML) + escape(tail))

    def _href(self, href: str, where: str) -> str:
        href = href.strip()
        number = self._frame.link_number(href) if is_counted(href) else None
        if number is not None:
            return self._own(f"link.counted_{number}")
        if own := OWN_LINK.fullmatch(href):
            return self._own(f"link.{own[1]}")
        if not is_safe(href):
            return 'href="#"'
        return self._attribute(escape(self._vault.hide(href, Place.URL, where)))

    def _attribute(self, escaped: str) -> str:
        return f'href="{self._vault.keep(escaped)}"'

    def _align(self) -> str:
        return ' align="right"' if direction(self._frame.locale) == "rtl" else ""
