"""Which local days a date question means, seen from a date of today."""

from datetime import date

from dangol.know.segment.condition import DateIs
from dangol.know.segment.terms import DateOp
from dangol.know.segment.window import DAY, Days


def span_of_date(leaf: DateIs, today: date) -> Days:
    """From the first day to the last, both included; None is open.

    >>> from dangol.know.segment.condition import Relative
    >>> span_of_date(DateIs(name="ends", op=DateOp.NEXT, days=7), date(2026, 2, 26)).last
    datetime.date(2026, 3, 4)
    >>> tomorrow = DateIs(name="ends", op=DateOp.BEFORE, day=Relative(days_ahead=1))
    >>> span_of_date(tomorrow, date(2026, 2, 26)).last
    datetime.date(2026, 2, 26)
    """
    if leaf.op is DateOp.LAST:
        assert leaf.days is not None
        return Days(today - (leaf.days - 1) * DAY, today)
    if leaf.op is DateOp.NEXT:
        assert leaf.days is not None
        return Days(today, today + (leaf.days - 1) * DAY)
    assert leaf.day is not None
    day = leaf.day if isinstance(leaf.day, date) else today + leaf.day.offset * DAY
    if leaf.op is DateOp.ON:
        return Days(day, day)
    return Days(None, day - DAY) if leaf.op is DateOp.BEFORE else Days(day + DAY, None)
