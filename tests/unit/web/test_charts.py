"""What charts are drawn from says the same as the tables; words to say hold only known facts."""

from datetime import UTC, date, datetime

from hypothesis import given
from hypothesis import strategies as st

from dangol.web.desk.charts import BEFORE, ORDER, Step, flow_chart, week_chart
from dangol.web.desk.display import Display
from dangol.web.desk.suggestion import suggest

NAMES = {stage: stage.title() for stage in BEFORE}
STEPS = st.dictionaries(
    st.tuples(st.sampled_from(BEFORE), st.sampled_from(ORDER)), st.integers(1, 10**6), max_size=42
).map(lambda found: [Step(*pair, people, "/x") for pair, people in found.items()])


@given(STEPS)
def test_every_step_is_one_ribbon_between_bars_that_are_there(steps):
    chart = flow_chart(steps, NAMES, lambda was, stage: f"/{was}/{stage}")
    ids = [node["id"] for node in chart["nodes"]]
    assert len(ids) == len(set(ids))
    told = {(one["source"], one["target"]): one["people"] for one in chart["links"]}
    assert told == {(f"a:{one.was}", f"b:{one.stage}"): one.people for one in steps}
    assert {end for pair in told for end in pair} == set(ids)


def test_a_week_without_anybody_is_pale_and_no_error():
    cells = week_chart([0.0] * 168, [], [])["cells"]
    assert len(cells) == 168
    assert {share for _, _, share in cells} == {0}


def test_words_to_say_name_nobody_by_an_address():
    row = {"traits": {"email": "kim@x.example"}, "repeats": 0, "last_day": date(2026, 3, 2)}
    for locale, month in (("en", "March"), ("ko", "3월")):
        show = Display(locale, "Asia/Seoul", datetime(2026, 5, 1, tzinfo=UTC))
        said = suggest("quiet", row, show)
        assert month in said
        assert "kim" not in said
        named = suggest("quiet", row | {"traits": {"name": "김하나"}, "repeats": 6}, show)
        assert "김하나" in named
        assert "7" in named
