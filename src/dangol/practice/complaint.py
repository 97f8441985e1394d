"""The complainer's letter: a mail as it would come in, which waits for an answer in the desk."""

from datetime import date, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from uuid import UUID

import msgspec

from dangol.practice.fact import at
from dangol.practice.person import Person

_TEXT = """안녕하세요, 박서운입니다.

지난주에 받은 원두 봉투가 또 터져서 왔어요. 벌써 다섯 번째입니다.
리뷰에도 남겼는데 아무 연락이 없으시네요. 연락 부탁드립니다.
"""


class Complaint(msgspec.Struct, frozen=True):
    """A mail and its envelope."""

    raw: bytes
    mail_from: str
    recipient: str
    received_at: datetime


def write_complaint(person: Person, recipient: str, until: date, run: UUID) -> Complaint:
    """What the complainer wrote on the evening of the last day."""
    mail = EmailMessage()
    mail["From"] = f"{person.name} <{person.email}>"
    mail["To"] = recipient
    mail["Subject"] = "원두 봉투가 또 터졌어요"
    mail["Date"] = format_datetime(at(until, 21.5))
    mail["Message-ID"] = f"<complaint.{run}@{person.email.rpartition('@')[2]}>"
    mail.set_content(_TEXT)
    received_at = at(until, 21.5) + timedelta(seconds=20)
    return Complaint(mail.as_bytes(), person.email, recipient, received_at)
