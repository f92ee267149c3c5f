"""What one hung GPU costs the others' readings, and how soon it is read again, in intervals."""

import time
from collections.abc import Callable

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from tests.exporters.running import Exporter, Scrape, exporter, hardware
from tests.packages import needs

GPUS = 8
HUNG = 3
INTERVAL = 5.0
LOOKED_AT = 4 * INTERVAL
THERMAL = "nvmlDeviceGetTemperature"
AGE = "railwatch_gpu_age_seconds"
ANSWERED = "railwatch_gpu_last_success_timestamp_seconds"

pytestmark = pytest.mark.benchmark(group="a hung GPU, from its return to its reading")


def oldest(running: Exporter, uuid: str) -> float:
    """Return the greatest age of any other GPU's readings, looked at for some intervals."""
    ages = list[float]()
    until = time.monotonic() + LOOKED_AT
    while time.monotonic() < until:
        found = [s.value for s in running.scrape().all(AGE) if s.labels["uuid"] != uuid]
        assert len(found) == GPUS - 1
        ages += found
        time.sleep(0.1)
    return max(ages)


@needs("fuse3")
@pytest.mark.parametrize("way", ["hang", "stick"], ids=["in the program", "in the kernel"])
def test_the_others_stay_fresh_and_it_is_read_soon_after_its_return(
    benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str], way: str
) -> None:
    with hardware(GPUS, ports=1) as machine, exporter(machine, interval="5s") as running:
        uuid = machine.nvml.uuid(HUNG)
        break_it: Callable[..., None] = getattr(machine.nvml, way)
        break_it(HUNG, call=THERMAL)
        running.await_scrape("the hang", lambda s: s.gpu_state(uuid) == "hung")
        age = oldest(running, uuid)
        returned = time.time()

        def back() -> Scrape:
            machine.nvml.recover(HUNG)
            return running.await_scrape("its return", lambda s: s.gpu_state(uuid) == "ok")

        scrape = benchmark.pedantic(back, rounds=1)  # type: ignore[no-untyped-call] # its stubs lack it

        answered = scrape.value(ANSWERED, uuid=uuid) or 0.0
        with capsys.disabled():
            print(f"\nthe other GPUs' readings: {age / INTERVAL:.1f} intervals at most (target 2)")
            print(f"it answered {(answered - returned) / INTERVAL:.1f} intervals after (target 2)")
        assert answered > returned
