"""The look of a letter: blocks become MJML, MJML becomes HTML that mail programs agree on.

One section with one column holds everything: MJML wraps each section in five tables, half of them for
Outlook, and everybody's letter carries them. So texts that follow each other are one, the head is
written here, and `_slim` takes out what says nothing.

Nothing that the team typed reaches MJML as markup: texts are escaped here, Liquid is out in the
`Vault`. mrml draws unknown tags without a word and links web fonts and icons unless told not to,
css-inline fetches style sheets unless told not to: both are told.
"""

import re
from collections.abc import Callable, Iterator
from html import escape
from itertools import groupby
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

_RIGHT_TO_LEFT = ("ar", "fa", "he", "ur")
_TEXT_TAGS = {"p", "h2", "ul", "ol", "li", "strong", "em", "a", "br"}
_INLINED = (
    ".page{font-family:Arial,'Apple SD Gothic Neo','Malgun Gothic','Noto Sans KR',sans-serif;"
    "word-break:break-word}"
    ".page[lang|=ko]{word-break:keep-all;overflow-wrap:anywhere}"  # Korean breaks between words
    ".text a{color:#1f5f4a}.foot a{color:#5f5f5f}"
)
"""What must hold in programs that drop the head."""
_RULES = (
    "body{margin:0;background:#f3f1ec;-webkit-text-size-adjust:100%}img{border:0}"
    "p{margin:0 0 12px}h2{font-size:20px;line-height:1.35;margin:12px 0}"
    "ul,ol{margin:0 0 12px;padding:0 24px}.foot p{margin:0 0 6px}"
    "@media(prefers-color-scheme:dark){body,.page,.foot{background:#101112!important}"
    ".sheet{background:#1b1c1e!important}.text div{color:#eee!important}"
    ".text a{color:#8fd3b6!important}.foot div,.foot a{color:#b5b5b5!important}}"
)
_HEAD = (
    '<!doctype html><html lang="{lang}" dir="{dir}" xmlns:o="urn:schemas-microsoft-com:office:office">'
    '<head><meta charset="utf-8"><title>{title}</title>'
    '<meta name="viewport" content="width=device-width,initial-scale=1">'
    '<meta name="color-scheme" content="light dark">'
    '<meta name="format-detection" content="telephone=no,date=no,address=no">'
    "<!--[if mso]><xml><o:OfficeDocumentSettings><o:PixelsPerInch>96</o:PixelsPerInch>"
    "</o:OfficeDocumentSettings></xml><style>td{{font-family:Arial,sans-serif}}</style><![endif]-->"
    '<style data-css-inline="ignore">{rules}</style></head>'
)
"""Outlook for Windows is told the size of pictures on dense screens, and the font of its tables, which
do not inherit it."""
_MJML = """<mjml lang="{lang}" dir="{dir}"><mj-head><mj-title>{title}</mj-title>\
<mj-preview>{preheader}</mj-preview><mj-attributes><mj-all font-family=""/>\
<mj-text font-size="16px" line-height="1.65" color="#222222" padding="8px 24px" align="{start}"/>\
<mj-button align="{start}" background-color="#1f5f4a" color="#ffffff" font-size="16px" border-radius="6px" \
font-weight="" text-transform="" line-height="1.2" inner-padding="12px 24px" padding="8px 24px"/>\
<mj-image padding="8px 24px"/><mj-divider border-width="1px" border-color="#dddddd" padding="16px 24px"/>\
</mj-attributes></mj-head><mj-body width="600px" background-color="#f3f1ec" css-class="page">\
<mj-section background-color="#ffffff" css-class="sheet" padding="20px 0 0"><mj-column>{blocks}\
<mj-spacer height="16px"/><mj-text css-class="foot" container-background-color="#f3f1ec" padding="20px 24px" \
font-size="13px" line-height="1.5" color="#5f5f5f">{footer}</mj-text></mj-column></mj-section>{pixel}\
</mj-body></mjml>"""


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
    options = mrml.RenderOptions(disable_comments=True, social_icon_origin=None, fonts={})
    drawn = mrml.to_html(drawing.document(variant), render_options=options).content
    _, body, rest = drawn.partition("<body")
    return vault.fill(_slim(_INLINER.inline(drawing.head(variant) + body + rest)))


_INLINER = css_inline.CSSInliner(
    extra_css=_INLINED, keep_style_tags=True, load_remote_stylesheets=False
)
_TAG = re.compile(r"</?[a-z][^<>]*>")
"""What people typed is not among these: in text `<` is escaped, attributes are in the vault."""
_SAYS_NOTHING = re.compile(
    # declarations that are empty, default, or said already by the element or the one around it
    r"\b[a-z-]+:;|direction:(ltr|rtl);|cursor:auto;|border:none;|margin:0;|mso-padding-alt:0px;"
    r"|text-align:(left|right);|word-break:break-word;|word-spacing:normal;|font-size:0px;"
    r"|line-height:100%;|border-collapse:separate;|(?<=:0)px(?=;)|border-radius:6px;(?=\")"
    r"|background:#[0-9a-f]{6};(background-color:#[0-9a-f]{6};)?(?=width:100%|color)"
    r"|(?<=;)background-color:#[0-9a-f]{6};"
    # attributes without a reader
    r'| border="0"| vertical-align="middle"| valign="middle"| target="_blank"'
    r'| class="(mj-|sheet-)[^"]*"'
)


def _slim(html: str) -> str:
    """`html` of MJML without what changes nothing."""
    html = html.replace("<![endif]--><!--[if mso | IE]>", "")
    return _TAG.sub(_slim_tag, html)


def _slim_tag(tag: re.Match[str]) -> str:
    if tag[0] in ("<tbody>", "</tbody>"):
        return ""
    said = tag[0].replace("; ", ";").replace(": ", ":").replace('; "', ';"')
    return _SAYS_NOTHING.sub("", said).replace(';"', '"').replace(' style=""', "")


class _Drawing:
    """Turns blocks into MJML, hiding Liquid in the vault as it goes."""

    def __init__(self, frame: Frame, vault: Vault) -> None:
        self._frame = frame
        self._vault = vault

    def head(self, variant: Variant) -> str:
        return _HEAD.format(rules=_RULES, **self._same(variant))

    def document(self, variant: Variant) -> str:
        return _MJML.format(
            preheader=self._text(variant.preheader, "preheader"),
            blocks="".join(self._merged(variant)),
            footer=self._footer(),
            pixel=self._pixel() if self._frame.pixel else "",
            start="right" if direction(self._frame.locale) == "rtl" else "left",
            **self._same(variant),
        )

    def _same(self, variant: Variant) -> dict[str, str]:
        locale = self._frame.locale
        title = self._vault.keep(self._text(variant.subject, ""))
        return {"lang": escape(locale), "dir": direction(locale), "title": title}

    def _merged(self, variant: Variant) -> Iterator[str]:
        """The blocks; texts that follow each other as one."""
        drawn = [
            piece
            for index, block in enumerate(variant.blocks)
            for piece in self._block(block, f"blocks.{index}")
        ]
        for is_text, some in groupby(drawn, lambda piece: not piece.startswith("<mj-")):
            inner = "".join(some)
            yield f'<mj-text css-class="text">{inner}</mj-text>' if is_text else inner

    def _block(self, block: Block, where: str) -> list[str]:
        """The parts of a block: MJML, or the HTML of a text."""
        match block:
            case Text(parts):
                return [self._parts(parts, f"{where}.text")]
            case Photo():
                return [self._photo(block, where)]
            case Button(label, href):
                label = self._text(label, f"{where}.label")
                return [self._button(self._href(href, f"{where}.href"), label)]
            case Question():
                return self._question(block, where)
            case Divider():
                return ["<mj-divider/>"]

    def _button(self, href: str, label: str) -> str:
        return f"<mj-button {href}>{label}</mj-button>"

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

    def _question(self, question: Question, where: str) -> list[str]:
        prompt = f"<p><strong>{self._text(question.prompt, f'{where}.prompt')}</strong></p>"
        if question.answer_by is AnswerBy.REPLY:
            prompt += f"<p>{escape(phrase(self._frame.locale, 'reply'))}</p>"
        buttons = [
            self._button(
                self._choice(question, where, index), self._text(choice, f"{where}.choices")
            )
            for index, choice in enumerate(question.choices)
        ]
        if not buttons and question.answer_by is AnswerBy.LINK:
            label = escape(phrase(self._frame.locale, "answer"))
            buttons = [self._button(self._choice(question, where, 0), label)]
        return [prompt, *buttons]

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
        return "".join(lines)

    def _pixel(self) -> str:
        source = self._vault.hide("{{ link.open }}", Place.HTML)
        return f'<mj-raw><img src="{source}" width="1" height="1" alt="" style="display:block"/></mj-raw>'

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
