"""Korean particles: which of a pair a word takes depends on how its last syllable ends."""

_FIRST_SYLLABLE, _LAST_SYLLABLE = "가", "힣"
_DIGIT_HAS_FINAL = frozenset("013678")
_DIGIT_RIEUL = frozenset("178")
_RIEUL = 8
_AFTER_THE_WORD = ")]}”’\"' "


def with_particle(word: str, pair: str) -> str:
    """`word` with the fitting one of a pair of particles, consonant form first.

    Closing quotes and brackets are looked through; digits count as they are read. A word that ends
    in neither Hangul nor a digit gets both forms, as Korean writing does.

    >>> with_particle("단골", "은/는"), with_particle("“편지”", "은/는"), with_particle("서울", "으로/로")
    ('단골은', '“편지”는', '서울로')
    >>> with_particle("3", "을/를"), with_particle("Kim", "이/가")
    ('3을', 'Kim이(가)')
    """
    closed, open_ = pair.split("/")
    last = word.rstrip(_AFTER_THE_WORD)[-1:]
    if _FIRST_SYLLABLE <= last <= _LAST_SYLLABLE:
        final = (ord(last) - ord(_FIRST_SYLLABLE)) % 28
        has_final, is_rieul = final != 0, final == _RIEUL
    elif last.isascii() and last.isdigit():
        has_final, is_rieul = last in _DIGIT_HAS_FINAL, last in _DIGIT_RIEUL
    else:
        return f"{word}{closed}({open_})"
    if closed == "으로" and is_rieul:
        return word + open_
    return word + (closed if has_final else open_)
