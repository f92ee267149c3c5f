"""A GPU's state, and the driver's, from signs."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.gpu_state import DriverState, GpuState
from exporters.facility import End
from exporters.gpu.judgement import Signs, driver_state, is_evident, own_state, shown_state
from tests.budget import examples

OK = Signs(end=End.OK, fresh=True)
HUNG = Signs(end=End.HUNG)
FAILED = Signs(end=End.FAILED)
LOST = Signs(end=End.LOST)


@pytest.mark.parametrize(
    ("signs", "state"),
    [
        (Signs(), None),
        (OK, "ok"),
        (Signs(end=End.RESET_REQUIRED, fresh=True), "reset_required"),
        (LOST, "lost"),
        (HUNG, "hung"),
        (FAILED, "unreadable"),
        (Signs(end=End.DIED), "unreadable"),
        (Signs(end=End.NOT_MANAGED), "not_managed"),
        (Signs(end=End.HUNG, all_ones=True), "lost"),
        (Signs(end=End.HUNG, fell=True), "lost"),
        (Signs(end=End.FAILED, listed=False), "missing"),
        (Signs(end=End.HUNG, on_bus=False), "missing"),
        (Signs(on_bus=False), "missing"),
        (Signs(bound=False), "not_managed"),
        (Signs(end=End.LOST, bound=False), "not_managed"),
        (Signs(end=End.OK, listed=False), "missing"),
    ],
)
def test_a_gpus_own_state(signs: Signs, state: str | None) -> None:
    assert own_state(signs) == state


@pytest.mark.parametrize(
    ("gpus", "inventory", "driver"),
    [
        ([OK, OK], None, None),
        ([OK, OK], End.OK, "ok"),
        ([OK, HUNG], End.OK, "ok"),
        ([OK] + [FAILED] * 7, End.OK, "ok"),
        ([HUNG, HUNG], End.OK, "hung"),
        ([FAILED, FAILED], End.OK, "failing"),
        ([FAILED, HUNG], End.OK, "hung"),
        ([FAILED, Signs()], End.OK, "ok"),
        ([HUNG, Signs(end=End.OK)], End.OK, "hung"),
        ([Signs(end=End.FAILED, listed=False)] * 8, End.OK, "failing"),
        ([LOST, LOST], End.OK, "ok"),
        ([LOST, HUNG], End.OK, "ok"),
        ([LOST, HUNG, HUNG], End.OK, "hung"),
        ([Signs(on_bus=False)] * 8, End.OK, "ok"),
        ([HUNG], End.OK, "ok"),
        ([HUNG], End.HUNG, "hung"),
        ([], End.HUNG, "hung"),
        ([], End.FAILED, "failing"),
        ([], End.OK, "ok"),
        ([OK], End.MISMATCH, "version_mismatch"),
        ([Signs(end=End.MISMATCH), OK], End.OK, "version_mismatch"),
        ([Signs(bound=False)], End.ABSENT, "absent"),
    ],
)
def test_the_drivers_state(gpus: list[Signs], inventory: End | None, driver: str | None) -> None:
    assert driver_state(gpus, inventory) == driver


def test_without_a_driver_or_a_gpu_for_it_there_is_nothing_to_say() -> None:
    assert driver_state([], End.ABSENT, present=False) is None


def test_held_is_held_whatever_else_is_known() -> None:
    assert driver_state([LOST], None, held=True) is DriverState.HELD


def test_the_drivers_fault_leaves_evidence_and_answers_as_they_are() -> None:
    shown = [shown_state(one, DriverState.HUNG) for one in (HUNG, FAILED, LOST, OK, Signs())]

    assert shown == ["unreadable", "unreadable", "lost", "ok", None]


SIGNS = st.builds(
    Signs,
    end=st.sampled_from([None, *End]),
    fresh=st.booleans(),
    on_bus=st.booleans(),
    bound=st.booleans(),
    listed=st.booleans(),
    all_ones=st.booleans(),
    fell=st.booleans(),
)


@settings(max_examples=examples(200), deadline=None)
@given(gpus=st.lists(SIGNS, max_size=9), inventory=st.sampled_from([None, *End]))
def test_whatever_the_signs_no_gpu_is_blamed_without_evidence(
    gpus: list[Signs], inventory: End | None
) -> None:
    driver = driver_state(gpus, inventory)

    shown = [shown_state(one, driver) for one in gpus]
    for signs, state in zip(gpus, shown, strict=True):
        if state is GpuState.LOST:
            assert is_evident(signs)
            assert signs.end is End.LOST or signs.all_ones or signs.fell
    answers = any(one.fresh for one in gpus)
    doubtful = [one for one in gpus if not is_evident(one)]
    if len(doubtful) > 1 and not answers and inventory not in (None, End.ABSENT):
        assert GpuState.HUNG not in shown
