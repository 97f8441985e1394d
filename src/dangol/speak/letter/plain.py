"""The text part of a letter, for readers and programs without HTML."""

from dangol.speak.letter.content import (
    AnswerBy,
    Block,
    Button,
    Divider,
    Heading,
    ItemList,
    Line,
    Part,
    Photo,
    Question,
    Run,
    Text,
    Variant,
)
from dangol.speak.letter.layout import Frame
from dangol.speak.letter.phrases import phrase
from dangol.speak.letter.template import Place, Source, Vault
from dangol.speak.links.collect import OWN_LINK, is_counted, is_safe


def write_plain(variant: Variant, frame: Frame, vault: Vault) -> Source:
    """The text part as a template; links stand behind their words in parentheses."""
    writing = _Writing(frame, vault)
    paragraphs = [
        text
        for index, block in enumerate(variant.blocks)
        if (text := writing.block(block, f"blocks.{index}"))
    ]
    return vault.fill("\n\n".join([*paragraphs, "-- \n" + writing.footer()]) + "\n")


class _Writing:
    """Turns blocks into text, hiding Liquid in the vault as it goes."""

    def __init__(self, frame: Frame, vault: Vault) -> None:
        self._frame = frame
        self._vault = vault

    def block(self, block: Block, where: str) -> str:
        match block:
            case Text(parts):
                return "\n\n".join(self._part(part, f"{where}.text") for part in parts)
            case Photo(alt=alt):
                shown = self._text(alt, f"{where}.alt")
                return self._linked(f"[{shown}]" if shown else "", block.href, where)
            case Button(label, href):
                return self._linked(self._text(label, f"{where}.label"), href, f"{where}.href")
            case Question():
                return self._question(block, where)
            case Divider():
                return "----------"

    def footer(self) -> str:
        return "\n".join(
            f"{text}: {self._own(link)}" if link else text for text, link in self._frame.footer
        )

    def _part(self, part: Part, where: str) -> str:
        match part:
            case ItemList(items, ordered):
                rows = [self._line(item, where) for item in items]
                return "\n".join(
                    f"{f'{number}.' if ordered else '-'} {row}"
                    for number, row in enumerate(rows, 1)
                )
            case Heading(runs):
                return f"## {self._line(runs, where)}"
            case _:
                return self._line(part.runs, where)

    def _line(self, runs: Line, where: str) -> str:
        return "".join(self._run(run, where) for run in runs)

    def _run(self, run: Run, where: str) -> str:
        return self._linked(self._text(run.text, where), run.href, where)

    def _question(self, question: Question, where: str) -> str:
        by_reply = question.answer_by is AnswerBy.REPLY
        rows = [self._text(question.prompt, f"{where}.prompt")]
        for index, choice in enumerate(question.choices):
            shown = self._text(choice, f"{where}.choices")
            rows.append(f"- {shown}" if by_reply else f"- {shown} ({self._answer(where, index)})")
        if by_reply:
            rows.append(phrase(self._frame.locale, "reply"))
        elif not question.choices:
            rows.append(f"{phrase(self._frame.locale, 'answer')}: {self._answer(where, 0)}")
        return "\n".join(rows)

    def _answer(self, where: str, index: int) -> str:
        block = where.split(".")[1]
        return f"{self._own(f'link.question_{block}')}?answer={index}"

    def _linked(self, text: str, href: str | None, where: str) -> str:
        href = (href or "").strip()
        if not href:
            return text
        number = self._frame.link_number(href) if is_counted(href) else None
        if number is not None:
            shown = self._own(f"link.counted_{number}")
        elif own := OWN_LINK.fullmatch(href):
            shown = self._own(f"link.{own[1]}")
        elif is_safe(href):
            shown = self._vault.hide(href, Place.URL, where)
        else:
            return text
        return f"{text} ({shown})" if text else shown

    def _text(self, text: str, where: str) -> str:
        return self._vault.hide(text, Place.TEXT, where)

    def _own(self, name: str) -> str:
        return self._vault.hide(f"{{{{ {name} }}}}", Place.TEXT)
