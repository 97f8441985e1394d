"""The look of a letter: blocks become HTML that mail programs agree on, one column of tables.

What must hold everywhere stands in the elements; what a program may drop without harm (margins,
colours of links, the dark look) stands once in the head. Outlook for Windows draws with Word, knows
no `max-width` and no padding of links: it gets a table of fixed width and `mso-padding-alt`.

Nothing that the team typed becomes markup: texts are escaped here, Liquid is out in the `Vault`.
"""

from collections.abc import Callable
from html import escape
from urllib.parse import quote

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
_FONTS = "Arial,'Apple SD Gothic Neo','Malgun Gothic','Noto Sans KR',sans-serif"
_TEXT_TAGS = {"p", "h2", "ul", "ol", "li", "strong", "em", "a", "br"}
_TABLE = 'table role="presentation" cellspacing="0"'
_RULES = (
    "body{margin:0;-webkit-text-size-adjust:100%}img{border:0}p{margin:0 0 12px}"
    "h2{font-size:20px;line-height:1.35;margin:12px 0}ul,ol{margin:0 0 12px;padding:0 24px}"
    ".sheet p a,.sheet li a,.sheet h2 a{color:#1f5f4a}.foot p{margin:0 0 6px}.foot a{color:#5f5f5f}"
    "@media(prefers-color-scheme:dark){body,.page{background:#101112!important}"
    ".sheet{background:#1b1c1e!important;color:#eee!important}"
    ".sheet p a,.sheet li a,.sheet h2 a{color:#8fd3b6!important}"
    ".foot,.foot a{color:#b5b5b5!important}}"
)
_FOR_OUTLOOK = (
    "<!--[if mso]><xml><o:OfficeDocumentSettings><o:PixelsPerInch>96</o:PixelsPerInch>"
    "</o:OfficeDocumentSettings></xml><style>td{font-family:Arial,sans-serif}</style><![endif]-->"
)
"""Pictures in their size on dense screens; and tables there do not inherit the font."""
_PAGE = (
    '<!DOCTYPE html><html lang="{lang}" dir="{dir}" xmlns:o="urn:schemas-microsoft-com:office:office">'
    '<head><meta charset="utf-8"><title>{title}</title>'
    '<meta name="viewport" content="width=device-width,initial-scale=1">'
    '<meta name="color-scheme" content="light dark">'
    '<meta name="format-detection" content="telephone=no,date=no,address=no">'
    "{outlook}<style>{rules}</style></head>"
    '<body bgcolor="#f3f1ec" style="margin:0">{preheader}'
    '<div role="article" aria-roledescription="email" aria-label="{title}" lang="{lang}" dir="{dir}">'
    f'<{_TABLE} class="page" width="100%" bgcolor="#f3f1ec" style="font-family:{_FONTS}"><tr>'
    '<td align="center" style="padding:0"><!--[if mso]>'
    f'<{_TABLE} width="600"><tr><td><![endif]-->'
    f'<{_TABLE} width="100%" style="max-width:600px"><tr>'
    '<td class="sheet" align="{start}" bgcolor="#ffffff" style="padding:28px 24px 16px;font-size:16px;'
    'line-height:1.65;color:#222222;word-break:break-word">{blocks}</td></tr><tr>'
    '<td class="foot" align="{start}" style="padding:20px 24px;font-size:13px;line-height:1.5;'
    'color:#5f5f5f;word-break:break-word">{footer}</td></tr></table>'
    "<!--[if mso]></td></tr></table><![endif]--></td></tr></table>{pixel}</div></body></html>"
)
_PREHEADER = '<div style="display:none;max-height:0;overflow:hidden;mso-hide:all">{preheader}</div>'
_BUTTON = (
    f'<{_TABLE}><tr><td bgcolor="#1f5f4a" style="border-radius:6px;mso-padding-alt:12px 24px">'
    '<a {href} style="display:inline-block;padding:12px 24px;line-height:1.2;color:#ffffff;'
    'text-decoration:none">{label}</a></td></tr><tr><td height="16"></td></tr></table>'
)
"""With a row of air below, for Outlook keeps no distance between tables."""
_PHOTO = (
    '<img src="{source}" alt="{alt}" width="552" '
    'style="display:block;width:100%;height:auto;margin:20px 0">'
)
_DIVIDER = (
    '<hr size="1" color="#dddddd" style="border:0;border-top:1px solid #dddddd;margin:16px 0">'
)
_PIXEL = '<img src="{source}" width="1" height="1" alt="" style="display:block">'


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
    return vault.fill(_Drawing(frame, vault).document(variant))


class _Drawing:
    """Turns blocks into HTML, hiding Liquid in the vault as it goes."""

    def __init__(self, frame: Frame, vault: Vault) -> None:
        self._frame = frame
        self._vault = vault

    def document(self, variant: Variant) -> str:
        frame = self._frame
        runs_to = direction(frame.locale)
        preheader = self._text(variant.preheader, "preheader")
        return _PAGE.format(
            lang=escape(frame.locale),
            dir=runs_to,
            outlook=_FOR_OUTLOOK,
            rules=_RULES,
            start="right" if runs_to == "rtl" else "left",
            title=self._text(variant.subject, ""),
            preheader=_PREHEADER.format(preheader=preheader) if preheader else "",
            blocks="".join(
                self._block(block, f"blocks.{index}") for index, block in enumerate(variant.blocks)
            ),
            footer=self._footer(),
            pixel=self._pixel() if frame.pixel else "",
        )

    def _block(self, block: Block, where: str) -> str:
        match block:
            case Text(parts):
                return self._parts(parts, f"{where}.text")
            case Photo():
                return self._photo(block, where)
            case Button(label, href):
                label = self._text(label, f"{where}.label")
                return _BUTTON.format(href=self._href(href, f"{where}.href"), label=label)
            case Question():
                return self._question(block, where)
            case Divider():
                return _DIVIDER

    def _parts(self, parts: tuple[Part, ...], where: str) -> str:
        html = "".join(self._part(part, where) for part in parts)
        return nh3.clean(
            html,
            tags=_TEXT_TAGS,
            attributes={"a": {"href"}},
            url_schemes={"http", "https", "mailto", "tel"},
            link_rel=None,
        )

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
        picture = _PHOTO.format(source=escape(source), alt=alt)
        if photo.href:
            picture = f"<a {self._href(photo.href, f'{where}.href')}>{picture}</a>"
        return f"<p>{picture}</p>"

    def _question(self, question: Question, where: str) -> str:
        prompt = f"<p><strong>{self._text(question.prompt, f'{where}.prompt')}</strong></p>"
        if question.answer_by is AnswerBy.REPLY:
            prompt += f"<p>{escape(phrase(self._frame.locale, 'reply'))}</p>"
        buttons = [
            _BUTTON.format(
                href=self._choice(question, where, index),
                label=self._text(choice, f"{where}.choices"),
            )
            for index, choice in enumerate(question.choices)
        ]
        if not buttons and question.answer_by is AnswerBy.LINK:
            label = escape(phrase(self._frame.locale, "answer"))
            buttons = [_BUTTON.format(href=self._choice(question, where, 0), label=label)]
        return prompt + "".join(buttons)

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
        return _PIXEL.format(source=self._vault.hide("{{ link.open }}", Place.HTML))

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
