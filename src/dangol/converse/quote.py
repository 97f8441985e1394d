"""The answer alone: a mail's text without what it quotes, its signature and app advertisements.

Line by line and in linear time, so that no hostile text can stall it. The markers are those of
the mail programs that people use in Korea and elsewhere.
"""

import re

_LONGEST_INTRODUCTION = 300
_INTRODUCTION = re.compile(
    r"""^(?:
      On\s.{4,200}\bwrote:                          # Gmail, Apple Mail
    | .{4,200}\swrote:                              # Thunderbird
    | \d{4}\s?[년.].{4,200}(?:작성|썼습니다|님의\s말):?  # Gmail, Apple Mail, Outlook in Korean
    | .{1,200}님이\s(?:작성|쓴\s글|보낸\s메시지):?
    | .{1,200}(?:さんは書きました|のメッセージ)[:：]
    | (?:Le|Am|El|Il|Em|Op)\s.{4,200}(?:écrit|schrieb|escribió|scritto|escreveu|schreef).{0,80}:
    | 在.{4,200}写道[:：]
    )$""",
    re.VERBOSE | re.IGNORECASE,
)
_NAMED = re.compile(r"\d|@|님이")
"""What an introduction names besides somebody: a date or an address."""
_LINE_ONLY = re.compile(r"[-_=]{5,}")
_RULE = re.compile(
    r"""^[\s*]*(?:[-_=]{3,}\s*)(?:
      original\s(?:message|mail)|forwarded\smessage|begin\sforwarded\smessage|reply\smessage
    | 원본\s?(?:메시지|메세지|메일|내용)|전달된?\s?(?:메시지|메세지|메일)|보낸\s?메일\s?내용
    | 원래\s?(?:메시지|메일)|元のメッセージ|原始邮件|ursprüngliche\snachricht|message\sd'origine
    )\s*[-_=]{0,}[\s*]*$""",
    re.VERBOSE | re.IGNORECASE,
)
_HEADER_NAME = re.compile(
    r"^[\s*]*(?:from|sent|date|to|cc|subject|보낸\s?사람|보낸이|보낸\s?날짜|보낸\s?시간|날짜|일시"
    r"|받는\s?사람|받는이|수신|참조|제목|발신)\s*\*?\s*[:：]",
    re.IGNORECASE,
)
_FIRST_HEADER = re.compile(r"^[\s*]*(?:from|보낸\s?사람|보낸이|발신)\s*\*?\s*[:：]", re.IGNORECASE)
_SENT_WITH = re.compile(
    r"""^(?:
      sent\sfrom\s(?:my|outlook|mail|yahoo|samsung|proton).{0,60}|get\soutlook\sfor.{0,60}
    | 나의\s.{1,30}에서\s보냄|내\s.{1,30}에서\s보냄|.{0,30}(?:갤럭시|galaxy|iphone|아이폰).{0,20}에서\s(?:보냄|보냈습니다).{0,3}
    | (?:네이버|다음|카카오|한메일|지메일|outlook).{0,30}(?:에서|으로|로)\s?(?:보냄|보낸|보냈습니다|전송).{0,20}
    )$""",
    re.VERBOSE | re.IGNORECASE,
)


def answer_of(text: str) -> str:
    """What the writer wrote now, of a mail's whole `text`; the whole where nothing is left.

    Above the quotation if anything stands there; else below and between, for those who answer
    under what they quote.

    >>> answer_of("Yes, please.\\n\\nOn Mon, 2 Mar 2026 at 09:00, Shop <a@b.example> wrote:\\n> Tea?")
    'Yes, please.'
    """
    lines = text.split("\n")
    cut = _first_quotation(lines)
    above = _without_closing(lines[:cut])
    own = _join(line for line in above if not _is_quoted(line))
    if own:
        return own
    rest = [line for line in lines[cut:] if not _is_quoted(line)]
    below = _join(_without_closing(_skip_introduction(rest)))
    return below or text.strip()


def _first_quotation(lines: list[str]) -> int:
    """The line at which quotation begins, or how many lines there are."""
    for at, line in enumerate(lines):
        if (
            _RULE.match(line[:_LONGEST_INTRODUCTION])
            or _introduces(lines, at)
            or _starts_header_block(lines, at)
        ):
            return at
    return len(lines)


def _introduces(lines: list[str], at: int) -> bool:
    """Whether "On … wrote:" stands here, on one line or broken over two or three."""
    joined = ""
    for line in lines[at : at + 3]:
        if not line.strip():
            return False
        joined = f"{joined} {line.strip()}".strip()
        if len(joined) > _LONGEST_INTRODUCTION:
            return False
        if _INTRODUCTION.match(joined) and (_NAMED.search(joined) or _quotes_next(lines, at)):
            return True
    return False


def _quotes_next(lines: list[str], at: int) -> bool:
    following = [line for line in lines[at + 1 : at + 6] if line.strip()]
    return any(_is_quoted(line) for line in following)


def _starts_header_block(lines: list[str], at: int) -> bool:
    """Outlook's block: From, Sent, To, Subject on lines of their own."""
    if not _FIRST_HEADER.match(lines[at][:200]):
        return False
    block = [line[:200] for line in lines[at : at + 6]]
    return sum(bool(_HEADER_NAME.match(line)) for line in block) >= 3


def _is_quoted(line: str) -> bool:
    return line.lstrip().startswith((">", "|"))


def _skip_introduction(lines: list[str]) -> list[str]:
    """The lines after a rule, an introduction or a block of headers."""
    at = 0
    while at < len(lines):
        if not _belongs_to_quotation(lines, at):
            return lines[at:]
        at += 1
    return []


def _belongs_to_quotation(lines: list[str], at: int) -> bool:
    line = lines[at][:_LONGEST_INTRODUCTION]
    patterns = (_RULE, _HEADER_NAME, _INTRODUCTION)
    return (
        not line.strip()
        or any(pattern.match(line) for pattern in patterns)
        or _introduces(lines, at)
    )


def _without_closing(lines: list[str]) -> list[str]:
    """Without the signature after "-- " and without what a phone's mail program adds."""
    for at, line in enumerate(lines):
        if line.rstrip() == "--" and at > 0:
            lines = lines[:at]
            break
    end = len(lines)
    while end and _is_closing(lines[end - 1].strip()[:200]):
        end -= 1
    return lines[:end]


def _is_closing(line: str) -> bool:
    return not line or bool(_SENT_WITH.match(line) or _LINE_ONLY.fullmatch(line))


def _join(lines: object) -> str:
    return re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in lines)).strip()
