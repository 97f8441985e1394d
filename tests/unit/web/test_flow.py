"""The drawing of the flow: as high as its people, inside its frame, nothing lost."""

import re

from hypothesis import given
from hypothesis import strategies as st

from dangol.web.desk.flow import HEIGHT, ORDER, WIDTH, Step, draw

STEPS = st.dictionaries(
    st.tuples(st.sampled_from(ORDER), st.sampled_from(ORDER)), st.integers(1, 10**6), max_size=36
).map(lambda found: [Step(was, stage, people) for (was, stage), people in found.items()])


@given(STEPS)
def test_bars_and_ribbons_fill_the_frame_and_no_more(steps):
    drawing = draw(steps)
    assert sorted((one.was, one.stage, one.people) for one in drawing.ribbons) == sorted(
        (step.was, step.stage, step.people) for step in steps
    )
    for bar in drawing.bars:
        assert bar.y >= 0
        assert bar.y + bar.height <= HEIGHT + 0.1
    for ribbon in drawing.ribbons:
        numbers = [float(one) for one in re.findall(r"-?\d+(?:\.\d+)?", ribbon.path)]
        assert min(numbers) >= 0
        assert max(numbers) <= WIDTH
    for x in (0.0, WIDTH - 12):
        heights = sum(bar.height for bar in drawing.bars if bar.x == x)
        assert heights <= HEIGHT + 0.1


def test_nobody_makes_an_empty_drawing():
    assert draw([]).bars == []
