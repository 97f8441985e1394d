"""What the program itself says inside letters, in the languages that it speaks."""

_PHRASES = {
    "en": {
        "unsubscribe": "Unsubscribe",
        "preferences": "Choose what you receive",
        "view": "View in browser",
        "why": "You receive this because you allowed us to write to you.",
        "why_service": "This message is about your dealings with us.",
        "reply": "Answer by replying to this letter.",
        "answer": "Answer",
        "confirm_subject": "Please confirm your subscription",
        "confirm_text": "Somebody, we hope you, asked {{ brand.name }} to write to this address. "
        "If it was not you, ignore this letter: nothing else will come.",
        "confirm_button": "Yes, write to me",
        "phone": "Phone",
        "email": "E-mail",
        "address": "Address",
        "opt_out": "If you do not want to receive these e-mails, unsubscribe here (free of charge)",
    },
    "ko": {
        "unsubscribe": "수신거부",
        "preferences": "받을 소식 고르기",
        "view": "브라우저에서 보기",
        "why": "수신에 동의하신 분께 보내 드리는 편지입니다.",
        "why_service": "이용하신 서비스에 관해 보내 드리는 안내입니다.",
        "reply": "이 편지에 답장하시면 됩니다.",
        "answer": "답하기",
        "confirm_subject": "구독을 확인해 주세요",
        "confirm_text": "이 주소로 {{ brand.name }} 소식을 받겠다는 신청이 있었습니다. "
        "신청하신 적이 없다면 이 편지를 무시해 주세요. 더는 보내지 않습니다.",
        "confirm_button": "네, 받겠습니다",
        "phone": "전화",
        "email": "이메일",
        "address": "주소",
        "opt_out": "수신을 원하지 않으시면 여기에서 무료로 수신거부하실 수 있습니다",
    },
}

ADVERTISEMENT = "(광고)"
"""The label that Korean law asks for at the start of a subject, in exactly this spelling."""


def phrase(locale: str, key: str) -> str:
    """One phrase in the language of `locale`, or in English."""
    language = locale.replace("_", "-").split("-")[0].lower()
    return _PHRASES.get(language, _PHRASES["en"])[key]


def languages() -> tuple[str, ...]:
    """The languages that the program speaks itself."""
    return tuple(_PHRASES)
