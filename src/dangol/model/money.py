"""Money is an integer of minor units and an ISO 4217 currency; it is never a float."""

from decimal import Decimal, InvalidOperation

_EXPONENT = {
    **dict.fromkeys(
        [
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ],
        0,
    ),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
}


def exponent_of(currency: str) -> int:
    """Decimal places of a currency's minor unit (ISO 4217): KRW 0, USD 2, KWD 3."""
    return _EXPONENT.get(currency, 2)


def to_minor(amount: str | int | float | Decimal, currency: str) -> int:
    """`amount` in minor units, halves away from zero.

    >>> to_minor("11.77", "USD"), to_minor(12000, "KRW")
    (1177, 12000)

    Raises:
        ValueError: the amount is no finite number, or the currency is no three-letter code.
    """
    if len(currency) != 3 or not currency.isascii() or not currency.isupper():
        raise ValueError(f"{currency!r} is no ISO 4217 currency code")
    try:
        value = Decimal(str(amount))
    except InvalidOperation:
        raise ValueError(f"{amount!r} is no amount of money") from None
    if not value.is_finite() or abs(value) > Decimal(10) ** 15:
        raise ValueError(f"{amount!r} is no amount of money")
    scaled = value.scaleb(exponent_of(currency))
    return int(scaled.quantize(Decimal(1), rounding="ROUND_HALF_UP"))
