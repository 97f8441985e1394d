"""What a mail is, before a person sees it: an answer, or one of the things that only look like one."""

import re
from enum import StrEnum

from dangol.converse.mail import Mail
from dangol.converse.quote import answer_of


class MailKind(StrEnum):
    """One of these; decided in this order."""

    COMPLAINT = "complaint"
    """A feedback report (RFC 5965): the reader pressed "this is spam"."""
    BOUNCE = "bounce"
    NO_NEWS = "no_news"
    """A delay or delivery notice, or "not spam": nothing follows."""
    LOOP = "loop"
    """Our own mail coming back."""
    AUTO = "auto"
    """An out-of-office note or another machine's answer: kept, wakes nobody."""
    UNSUBSCRIBE = "unsubscribe"
    REPLY = "reply"


_AUTO_SUBJECT = re.compile(
    r"^\W*(?:out of (?:the )?office|auto(?:matic|mated)?[- ]?(?:reply|response|answer)|autoreply|auto:"
    r"|away from (?:the|my) office|on vacation|abwesen|réponse automatique|respuesta automática"
    r"|자동\s?(?:응답|회신|답장)|부재\s?중|不在|自動応答|自动回复)",
    re.IGNORECASE,
)
_BOUNCE_SUBJECT = re.compile(
    r"undeliver|delivery (?:status|failure|has failed)|mail delivery (?:failed|system)|returned mail"
    r"|failure notice|non.?delivery|배달.{0,6}(?:실패|불가)|반송|전송.{0,4}실패|발송.{0,4}실패",
    re.IGNORECASE,
)
_AUTO_PRECEDENCE = frozenset(["bulk", "junk", "list", "auto_reply"])
_AUTO_HEADERS = ("x-autoreply", "x-autorespond", "x-auto-response", "list-id", "list-unsubscribe")
_STOP = frozenset(
    """
    stop unsubscribe unsubscribeme remove removeme optout cancel end quit
    수신거부 수신거부합니다 수신거부요청 수신거부부탁드립니다 수신거부해주세요 거부 무료수신거부
    구독취소 구독취소합니다 구독해지 구독취소해주세요 메일보내지마세요 보내지마세요 그만보내주세요
    그만보내세요 메일수신거부 광고수신거부
    """.split()  # noqa: SIM905
)
_LETTERS = re.compile(r"[^\w]+|_")


def kind_of(mail: Mail, own_addresses: frozenset[str] = frozenset()) -> MailKind:
    """What `mail` is; `own_addresses` are those that we send from, lower case."""
    if mail.report_type == "feedback-report":
        return MailKind.COMPLAINT if _is_complaint(mail) else MailKind.NO_NEWS
    if mail.report_type == "delivery-status":
        failed = any(one.get("action", "").lower() == "failed" for one in mail.report_fields[1:])
        return MailKind.BOUNCE if failed else MailKind.NO_NEWS
    if mail.report_type is not None:
        return MailKind.NO_NEWS  # read receipts and the like
    if _looks_bounced(mail):
        return MailKind.BOUNCE
    if mail.sender in own_addresses:
        return MailKind.LOOP
    if _is_automatic(mail):
        return MailKind.AUTO
    return MailKind.UNSUBSCRIBE if asks_to_stop(mail) else MailKind.REPLY


def asks_to_stop(mail: Mail) -> bool:
    """Whether the answer says nothing but "stop", in the subject or in the text."""
    if mail.text.strip():
        return _is_stop(answer_of(mail.text))
    return _is_stop(mail.subject)


def _is_stop(text: str) -> bool:
    return len(text) <= 60 and _LETTERS.sub("", text).lower() in _STOP


def _is_complaint(mail: Mail) -> bool:
    kind = mail.report_fields[0].get("feedback-type", "abuse") if mail.report_fields else "abuse"
    return kind.strip().lower() in {"abuse", "fraud", "opt-out", "opt-out-list", "virus", "other"}


def _looks_bounced(mail: Mail) -> bool:
    """A bounce that is no proper report: said by a mail system, about a failure."""
    if "x-failed-recipients" in mail.headers:
        return True
    is_system = mail.envelope_from == "" or mail.sender.split("@")[0] in {
        "mailer-daemon",
        "postmaster",
    }
    return is_system and bool(_BOUNCE_SUBJECT.search(mail.subject))


def _is_automatic(mail: Mail) -> bool:
    headers = mail.headers
    submitted = headers.get("auto-submitted", "no").split(";")[0].strip().lower()
    return (
        submitted not in ("", "no")
        or headers.get("precedence", "").strip().lower() in _AUTO_PRECEDENCE
        or any(name in headers for name in _AUTO_HEADERS)
        or mail.envelope_from == ""
        or bool(_AUTO_SUBJECT.match(mail.subject))
    )
