"""Who shops here: invented names, reachable nowhere (`.example` is reserved, RFC 2606)."""

from datetime import date, timedelta
from random import Random
from typing import Any

import msgspec

FAMILIES = (
    ("김", "kim", 215), ("이", "lee", 147), ("박", "park", 84), ("최", "choi", 47),
    ("정", "jung", 43), ("강", "kang", 24), ("조", "cho", 21), ("윤", "yoon", 21),
    ("장", "jang", 20), ("임", "lim", 17), ("한", "han", 15), ("오", "oh", 15),
    ("서", "seo", 15), ("신", "shin", 15), ("권", "kwon", 14), ("황", "hwang", 14),
    ("안", "ahn", 14), ("송", "song", 14), ("전", "jeon", 11), ("홍", "hong", 11),
    ("남궁", "namgung", 2), ("황보", "hwangbo", 2), ("제갈", "jegal", 1), ("선우", "sunwoo", 1),
)  # fmt: skip
"""Family names with their share in a thousand, roughly."""

GIVEN = (
    ("민준", "minjun"), ("서연", "seoyeon"), ("지후", "jihoo"), ("하은", "haeun"),
    ("도윤", "doyun"), ("지우", "jiwoo"), ("서준", "seojun"), ("수아", "sua"),
    ("예준", "yejun"), ("지민", "jimin"), ("현우", "hyunwoo"), ("유진", "yujin"),
    ("준서", "junseo"), ("채원", "chaewon"), ("건우", "gunwoo"), ("다은", "daeun"),
    ("성민", "sungmin"), ("은지", "eunji"), ("태현", "taehyun"), ("보라", "bora"),
    ("영수", "youngsoo"), ("미경", "mikyung"), ("상철", "sangchul"), ("정숙", "jungsook"),
    ("동혁", "donghyuk"), ("혜진", "hyejin"), ("승호", "seungho"), ("나래", "narae"),
    ("한별", "hanbyul"), ("가온", "gaon"), ("솔", "sol"), ("빈", "bin"), ("률", "ryul"),
    ("새벽별하나", "saebyuk"), ("아름다운누리", "nuri"),
)  # fmt: skip
"""Given names; a few of one syllable, a few long ones."""

FOREIGN = (
    ("Emma Thompson", "emma"), ("Nguyễn Thị Hương", "huong"), ("李小龍", "xiaolong"),
    ("Christopher Alexander Montgomery-Fairweather", "chris"), ("Søren Ødegård", "soren"),
    ("María José Fernández", "mj"), ("佐藤 花子", "hanako"), ("Bo", "bo"),
)  # fmt: skip

DISTRICTS = (
    ("마포구", 20), ("성동구", 14), ("강남구", 12), ("용산구", 10), ("종로구", 9), ("서초구", 8),
    ("송파구", 8), ("은평구", 6), ("관악구", 6), ("영등포구", 5), ("제주시", 2),
)  # fmt: skip
ROASTS = (("약배전", 5), ("중배전", 9), ("강배전", 4), ("디카페인", 2))
MAILS = ("maru", "saeum", "narae-mail", "hanul")


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """One customer as the shop knows them."""

    user_id: str
    name: str
    email: str
    traits: dict[str, Any]
    consent: str | None
    """`granted`, `denied`, or None where nobody asked."""


def invent(number: int, random: Random, until: date) -> Person:
    """Customer `number` of the shop, the same for the same `random`."""
    name, latin = _name(random)
    email = f"{latin}{number}@{random.choice(MAILS)}.example"
    born = until - timedelta(days=random.randint(19 * 365, 68 * 365))
    known = {
        "name": name,
        "email": email,
        "phone": f"010-0000-{number:04d}",
        "birthday": born.isoformat(),
        "district": _weighted(random, DISTRICTS),
        "favorite_roast": _weighted(random, ROASTS),
        "locale": "ko" if "가" <= name[0] <= "힣" else "en",
    }
    for trait, share in (("birthday", 0.4), ("favorite_roast", 0.3), ("name", 0.02)):
        if random.random() < share:
            del known[trait]
    answer = random.random()
    consent = "granted" if answer < 0.72 else "denied" if answer < 0.8 else None
    return Person(user_id=user_id(number), name=name, email=email, traits=known, consent=consent)


def user_id(number: int) -> str:
    """The shop's own id of customer `number`, counted from 1."""
    return f"practice-{number:04d}"


def _name(random: Random) -> tuple[str, str]:
    if random.random() < 0.03:
        return random.choice(FOREIGN)
    family, latin_family, _ = random.choices(FAMILIES, [share for *_, share in FAMILIES])[0]
    given, latin = random.choice(GIVEN)
    return family + given, f"{latin}.{latin_family}"


def _weighted(random: Random, choices: tuple[tuple[str, int], ...]) -> str:
    return random.choices([name for name, _ in choices], [share for _, share in choices])[0]
