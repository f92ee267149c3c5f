"""Whatever a card says: no crash, no wrong sign, nothing that is not a number.

The facilities share SOAK cases in `make soak`, which is 40 times (its FUZZ_FACTOR) what `make test`
tries: 2,500 cases there, 100,000 here. Each is a card of nonsense, read twice, as GPM needs two
cycles. Beside them stand cases of whole sessions, from the opening on.
"""

import math
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings

from exporters.errors import ReadingError
from exporters.facility import Facility
from exporters.gpu.nvml import Gpu
from exporters.gpu.worker import attach
from exporters.registry import GPU
from exporters.settings import Settings
from testbed.nvml import library
from tests.budget import examples
from tests.exporters.gpu.cards import opened
from tests.exporters.gpu.fuzzing import CASES, Bench, Case

SOAK = 100_000
_FACTOR = 40
EACH = math.ceil(SOAK / _FACTOR / len(GPU.facilities))

FUZZ = settings(
    max_examples=examples(EACH),
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with opened("H100-MIG") as (node, gpu):
        yield Bench(node, gpu)


@pytest.fixture
def calls(facility: Facility[Gpu], bench: Bench) -> list[str]:
    """What the facility calls, so that no case is lost on calls that are not made."""
    return bench.calls(facility)


@pytest.mark.parametrize("facility", GPU.facilities, ids=lambda facility: str(facility.name))
@FUZZ
@given(case=CASES)
def test_a_card_may_say_anything(
    facility: Facility[Gpu], bench: Bench, calls: list[str], case: Case
) -> None:
    bench.spoil(case, calls)

    bench.read(facility)
    bench.check(bench.read(facility))


@FUZZ
@given(case=CASES)
def test_a_session_on_it_ends_as_sessions_do(bench: Bench, case: Case) -> None:
    bench.spoil(case, sorted(library.calls()))
    try:
        session = attach(Settings(nvml_library=str(bench.node.library)), {"slot": bench.slot})
        for outcome in session.cycle():
            bench.check(outcome)
    except ReadingError:
        assert case.text is not None or case.errors
    finally:
        bench.shut_down()
