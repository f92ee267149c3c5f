"""How nodes rank."""

from hypothesis import given
from hypothesis import strategies as st

from catalog.verdicts import Verdict
from scheduler_feedback.health import Grade, assess
from scheduler_feedback.score import BEST, score
from tests.scheduler_feedback.objects import fault, node


def test_clean_before_blind_before_avoid_before_cordon_before_drain() -> None:
    ranking = [
        assess(node()),
        assess(node(conditions={"GpuUnavailable": "Unknown"})),
        assess(node(faults=[fault("avoid", "applied")])),
        assess(node(faults=[fault("cordon", "withheld")])),
        assess(node(faults=[fault("drain", "withheld")])),
    ]

    assert [score(health.grade) for health in ranking] == [10, 8, 7, 4, 2]


def test_a_withheld_drain_ranks_below_a_withheld_avoid() -> None:
    drain = assess(node(faults=[fault("drain", "withheld")]))
    avoid = assess(node(faults=[fault("avoid", "withheld")]))

    assert score(drain.grade) < score(avoid.grade)


def test_observing_costs_nothing() -> None:
    assert score(assess(node(faults=[fault("observe")])).grade) == BEST


_grades = st.builds(
    Grade,
    verdict=st.sampled_from(Verdict),
    devices=st.integers(min_value=0, max_value=100),
    blind=st.booleans(),
)


@given(_grades)
def test_scores_stay_on_the_extenders_scale_and_zero_is_left_to_the_refused(grade: Grade) -> None:
    assert 1 <= score(grade) <= BEST


@given(_grades, _grades)
def test_a_harsher_verdict_never_ranks_higher(one: Grade, other: Grade) -> None:
    if one.verdict > other.verdict:
        assert score(one) < score(other)


@given(_grades, st.integers(min_value=0, max_value=8))
def test_more_faulty_devices_never_rank_higher(grade: Grade, more: int) -> None:
    worse = Grade(verdict=grade.verdict, devices=grade.devices + more, blind=grade.blind)

    assert score(worse) <= score(grade)
