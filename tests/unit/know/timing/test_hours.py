"""The estimator of best hours against its published vectors, and against what it must not do."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dangol.know.timing.choice import EXPLORED, choose, freshness, has_own_habit
from dangol.know.timing.hours import (
    HOURS,
    age_weights,
    fit_kappa,
    log_marginal,
    posterior,
    shares,
    shrink_zone,
    smooth,
)

PI = np.full(24, 0.025)
PI[[8, 9, 20, 21]] = 0.125
ACTS = np.zeros((1, 24))
ACTS[0, 8], ACTS[0, 20], ACTS[0, 21] = 1, 4, 1
EVERY_HOUR = np.ones(24, dtype=bool)

counted = arrays(np.float64, (3, 24), elements=st.floats(0, 500))


def test_the_posterior_of_raw_counts_has_the_published_digits() -> None:
    p = posterior(ACTS, PI, 10)[0]
    assert p[[8, 9, 20, 21]] == pytest.approx([0.140625, 0.078125, 0.328125, 0.140625])
    assert p[[0, 3, 23]] == pytest.approx([0.015625] * 3)


def test_the_kernel_has_the_published_digits() -> None:
    kernel = smooth(np.eye(24)[:1])[0]
    assert kernel[:2] == pytest.approx([0.26596152, 0.21296534], abs=5e-9)
    p = posterior(smooth(ACTS), PI, 10)[0]
    assert p[[20, 21, 8]] == pytest.approx([0.15792571, 0.14798893, 0.09474760], abs=5e-9)


@pytest.mark.parametrize(
    ("kappa", "expected"), [(5, -10.59792663), (10, -10.99150905), (50, -11.94811889)]
)
def test_the_marginal_likelihood_has_the_published_digits(kappa: float, expected: float) -> None:
    assert log_marginal(ACTS, PI, kappa) == pytest.approx(expected, abs=5e-9)


@given(counted)
def test_smoothing_moves_weight_but_makes_none(counts: np.ndarray) -> None:
    smoothed = smooth(counts)
    assert smoothed.sum() == pytest.approx(counts.sum())
    assert (smoothed >= 0).all()


@given(counted, st.floats(0.1, 1000))
def test_probabilities_add_up_to_one(counts: np.ndarray, kappa: float) -> None:
    pi = shrink_zone(counts[0], counts.sum(axis=0))
    assert pi.sum() == pytest.approx(1)
    assert posterior(counts, pi, kappa).sum(axis=1) == pytest.approx(np.ones(3))


def test_the_clock_has_no_edge() -> None:
    late = smooth(np.eye(24)[[23]])[0]
    assert late[0] == pytest.approx(late[22])


def test_without_acts_every_hour_is_as_likely() -> None:
    assert shares(np.zeros(24)) == pytest.approx(np.full(24, 1 / 24))


def test_kappa_is_small_for_creatures_of_habit_and_large_for_a_crowd() -> None:
    draw = np.random.default_rng(7)
    own = draw.integers(0, 24, 200)
    habits = np.zeros((200, 24))
    habits[np.arange(200), own] = 30
    crowd = draw.multinomial(30, shares(np.ones(24)), size=200).astype(float)
    assert fit_kappa(habits, shares(np.ones(24))) < 1
    assert fit_kappa(crowd, shares(np.ones(24))) > 500


def test_kappa_comes_back_from_people_drawn_with_it() -> None:
    draw = np.random.default_rng(3)
    hours = draw.dirichlet(20 * PI, size=3000)
    counts = np.array([draw.multinomial(40, p) for p in hours], dtype=float)
    assert fit_kappa(counts, PI) == pytest.approx(20, rel=0.1)


def test_an_old_act_counts_half_after_ninety_days_and_a_future_one_once() -> None:
    assert age_weights(np.array([0.0, 90.0, 180.0, -3.0])).tolist() == [1, 0.5, 0.25, 1]


def test_the_letter_lies_on_top_just_before_the_habit() -> None:
    p = np.full((1, 24), 0.01)
    p[0, 20] = 1 - 0.23
    best = freshness(p)[0].argmax()
    assert best == 20
    early = np.zeros((1, 24))
    early[0, [9, 10]] = 0.5
    assert freshness(early)[0].argmax() == 9


def test_freshness_is_the_sum_it_says_it_is() -> None:
    p = np.random.default_rng(1).dirichlet(np.ones(24), size=2)
    slow = [
        [sum(row[(h + k) % 24] * np.exp(-k / 4) for k in range(24)) for h in range(24)] for row in p
    ]
    assert freshness(p) == pytest.approx(np.array(slow))


def test_few_acts_are_no_habit_and_many_are() -> None:
    few, many = ACTS / 6, ACTS * 50
    for counts, expected in ((few, False), (many, True)):
        smoothed = smooth(counts)
        p = posterior(smoothed, PI, 20)
        assert has_own_habit(p, PI, smoothed.sum(axis=1), 20)[0] == expected


@given(
    arrays(np.float64, (5, 2), elements=st.floats(0, 1, exclude_max=True)),
    arrays(np.bool_, 24).filter(np.any),
    arrays(np.bool_, 5),
)
def test_only_allowed_hours_are_chosen(
    draw: np.ndarray, allowed: np.ndarray, own: np.ndarray
) -> None:
    p = np.random.default_rng(5).dirichlet(np.ones(24), size=5)
    chosen = choose(p, PI, own, allowed, draw)
    assert allowed[chosen.hour].all()
    assert (chosen.propensity > 0).all()
    assert not (chosen.is_own & chosen.is_drawn).any()


def test_one_in_ten_is_drawn_with_the_propensity_that_is_written_down() -> None:
    n = 40_000
    draw = np.random.default_rng(11).random((n, 2))
    p = np.repeat(posterior(smooth(ACTS * 50), PI, 20), n, axis=0)
    allowed = np.zeros(HOURS, dtype=bool)
    allowed[9:21] = True
    chosen = choose(p, PI, np.ones(n, dtype=bool), allowed, draw)
    assert chosen.is_drawn.mean() == pytest.approx(EXPLORED, abs=0.01)
    for hour in (10, 15, 20):
        share = (chosen.hour == hour).mean()
        logged = chosen.propensity[chosen.hour == hour]
        assert logged == pytest.approx(np.full(logged.size, logged[0]))
        assert share == pytest.approx(logged[0], abs=0.01)


def test_no_allowed_hour_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one hour"):
        choose(PI[None], PI, np.array([True]), ~EVERY_HOUR, np.zeros((1, 2)))
