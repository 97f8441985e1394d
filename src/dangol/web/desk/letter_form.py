"""The letter editor's form: a letter becomes fields, fields and one action become a letter again.

Pure. The form carries the whole letter as JSON and the fields of the one language on screen;
unsaved changes live in the form alone.
"""

from collections.abc import Mapping
from uuid import UUID

import msgspec

from dangol.errors import InputError
from dangol.model.message import MessageKind
from dangol.speak.letter.content import (
    AnswerBy,
    Block,
    Button,
    Divider,
    Letter,
    Photo,
    Question,
    Text,
    Variant,
    parse_letter,
)
from dangol.web.desk.markup import read_markup, write_markup

KINDS = ("text", "photo", "button", "question", "divider")
_MOST = 100


class Editing(msgspec.Struct, frozen=True):
    """A letter on screen: its name, the version it came from, the language shown."""

    name: str
    version: int
    locale: str
    letter: Letter

    @property
    def variant(self) -> Variant:
        """The language on screen."""
        return self.letter.variants[self.locale]

    @property
    def content(self) -> str:
        """The whole letter for the hidden field."""
        return msgspec.json.encode(self.letter).decode()


def first_letter(kind: MessageKind, locale: str, greeting: str) -> Letter:
    """A letter to begin with: one text block with a greeting."""
    text = Text(read_markup(greeting))
    return Letter(kind, {locale: Variant("", "", (text,))}, advertises=kind is MessageKind.OFFER)


def read_form(form: Mapping[str, str], pictures: Mapping[int, UUID]) -> Editing:
    """The letter as the fields say it; `pictures` are new files by block number.

    Raises:
        InputError: the hidden letter is damaged, or larger than letters may be.
    """
    letter = parse_letter(form.get("content", "").encode())
    locale = form.get("locale", "")
    if locale not in letter.variants:
        raise InputError("The form is damaged; load the page again.")
    count = int(form["blocks"]) if form.get("blocks", "").isdecimal() else 0
    blocks = tuple(read_block(form, n, pictures.get(n)) for n in range(min(count, _MOST)))
    variant = Variant(form.get("subject", ""), form.get("preheader", ""), blocks)
    try:
        kind = MessageKind(form.get("kind", ""))
    except ValueError:
        raise InputError("Choose what the letter is.") from None
    letter = msgspec.structs.replace(
        letter,
        kind=kind,
        advertises=form.get("advertises") == "on",
        tracks=form.get("tracks") == "on",
        variants=letter.variants | {locale: variant},
    )
    version = form.get("version", "")
    editing = Editing(
        form.get("name", ""), int(version) if version.isdecimal() else 0, locale, letter
    )
    parse_letter(editing.content)  # refuses what is too large
    return editing


def read_block(form: Mapping[str, str], number: int, picture: UUID | None) -> Block:
    """One block from its fields."""

    def field(name: str) -> str:
        return form.get(f"b{number}.{name}", "").strip()

    match field("type"):
        case "photo":
            blob = picture or _uuid(field("blob"))
            return Photo(field("alt"), blob, field("url") or None, field("href") or None)
        case "button":
            return Button(field("label"), field("href"))
        case "question":
            choices = tuple(line.strip() for line in field("choices").splitlines() if line.strip())
            by = AnswerBy.LINK if field("by") == "link" else AnswerBy.REPLY
            return Question(field("prompt"), choices, by)
        case "divider":
            return Divider()
    return Text(read_markup(field("text")))


def act(editing: Editing, action: str) -> Editing:
    """The letter after a press of one of the editor's buttons, such as `add:text` or `up:2`."""
    what, _, which = action.partition(":")
    if what in ("locale", "translate"):
        return _show_locale(editing, which)
    blocks = list(editing.variant.blocks)
    if what == "add" and which in KINDS and len(blocks) < _MOST:
        blocks.append(_new_block(which))
    elif which.isdecimal() and int(which) < len(blocks):
        number = int(which)
        if what == "remove":
            blocks.pop(number)
        elif what in ("up", "down"):
            target = number + (1 if what == "down" else -1)
            if 0 <= target < len(blocks):
                blocks[number], blocks[target] = blocks[target], blocks[number]
    variant = msgspec.structs.replace(editing.variant, blocks=tuple(blocks))
    variants = editing.letter.variants | {editing.locale: variant}
    return _with_letter(editing, msgspec.structs.replace(editing.letter, variants=variants))


def fields_of(block: Block) -> dict[str, object]:
    """What the fields of a block show."""
    match block:
        case Text(parts):
            return {"type": "text", "text": write_markup(parts)}
        case Photo():
            return {"type": "photo", **msgspec.structs.asdict(block)}
        case Button():
            return {"type": "button", **msgspec.structs.asdict(block)}
        case Question():
            choices = "\n".join(block.choices)
            return {
                "type": "question",
                "prompt": block.prompt,
                "choices": choices,
                "by": block.answer_by,
            }
    return {"type": "divider"}


def _show_locale(editing: Editing, locale: str) -> Editing:
    """Another language; a new one begins as a copy of the one on screen."""
    letter = editing.letter
    if locale not in letter.variants:
        if locale not in ("en", "ko", "ja", "zh"):
            return editing
        variants = letter.variants | {locale: editing.variant}
        letter = msgspec.structs.replace(letter, variants=variants)
    return msgspec.structs.replace(editing, letter=letter, locale=locale)


def _with_letter(editing: Editing, letter: Letter) -> Editing:
    return msgspec.structs.replace(editing, letter=letter)


def _new_block(kind: str) -> Block:
    return {
        "text": Text(()),
        "photo": Photo(""),
        "button": Button("", ""),
        "question": Question(""),
        "divider": Divider(),
    }[kind]


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
