"""A hint is followed at once, by alerts alone; what is observed is asked for beside the cycles."""

import io
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from health_bridge.decision.sight import Questions
from health_bridge.loop import Loop
from health_bridge.metrics import Meter
from health_bridge.observation import Lookout, Observed
from health_bridge.pace import Pace
from health_bridge.pause import Pause
from health_bridge.poll import Round
from health_bridge.sources import SourceError
from testbed.waiting import PATIENCE, wait_until
from tests.health_bridge.test_server import Fleet
from tests.health_bridge.worlds import lost_gpu, node, policy, run, sight

QUIET = sight(nodes=["a"])
FAULTY = run([node("a")], sight(lost_gpu("a"), nodes=["a"]))
"""A node whose GPU was lost; its alert is over, so that its proof would be asked for."""


@dataclass
class Sources:
    """Sources that see nothing wrong; what is observed they tell when the test lets them.

    Like a Lookout they are not asked again for what they have not told yet.
    """

    asked: list[str] = field(default_factory=list)
    looks: int = 0
    waiting: bool = False
    told: list[Callable[[], None]] = field(default_factory=list)
    questions: list[Questions] = field(default_factory=list)
    kinds: dict[str, str] = field(default_factory=dict)

    def look(self, then: Callable[[], None]) -> None:
        self.looks += 1
        if self.waiting:
            return

        def tell() -> None:
            self.waiting = False
            then()

        self.waiting = True
        self.asked.append("look")
        self.told.append(tell)

    def alerts(self) -> Round:
        self.asked.append("alerts")
        return Round(sight=QUIET)

    def proofs(self, so_far: Round, questions: Questions) -> Round:
        self.questions.append(questions)
        return so_far


class Led:
    """A loop that runs, and whether it leads."""

    def __init__(self, sources: Sources) -> None:
        self.leads = True
        self.loop = Loop(
            fleet=Fleet(*FAULTY),
            poll=sources,  # type: ignore[arg-type] # what the loop asks of a Poll
            policy=policy(),
            pause=Pause(Fleet()),
            pace=Pace(interval=3600, timeout=1, dry_run=True),
            meter=Meter(),
            leading=lambda: self.leads,
            out=io.StringIO(),
        )


@pytest.fixture
def sources() -> Sources:
    return Sources()


@pytest.fixture
def led(sources: Sources) -> Iterator[Led]:
    running = Led(sources)
    thread = threading.Thread(target=running.loop.run)
    thread.start()
    wait_until(lambda: sources.told)
    yield running
    running.loop.stop()
    thread.join()


def cycles(sources: Sources, count: int) -> None:
    wait_until(lambda: len(sources.questions) >= count)


def test_nothing_is_decided_before_it_is_known_what_is_observed(led: Led, sources: Sources) -> None:
    for looks in (1, 2):  # the second begins once all that the first hint makes is over
        led.loop.hint()
        wait_until(lambda seen=looks: sources.looks > seen)  # type: ignore[misc] # bound now

    assert sources.asked == ["look"]
    sources.told[0]()
    cycles(sources, 1)
    assert sources.asked == ["look", "alerts"]


def test_a_hint_asks_for_alerts_and_for_no_proof(led: Led, sources: Sources) -> None:
    sources.told[0]()
    cycles(sources, 1)

    led.loop.hint()
    cycles(sources, 2)

    whole, short = sources.questions
    assert sources.asked == ["look", "alerts", "alerts"]
    assert set(whole.proofs) == {("GpuFellOffBus", 1)}
    assert short == whole.without_proofs()
    assert short.boots == {"a"}
    assert not short.proofs


def test_who_leads_anew_begins_with_a_whole_look(led: Led, sources: Sources) -> None:
    sources.told[0]()
    cycles(sources, 1)
    led.leads = False
    led.loop.hint()
    wait_until(lambda: not led.loop._has_looked)

    sources.told[0]()  # one that was asked long ago answers now
    wait_until(lambda: not led.loop._looked.is_set())

    led.leads = True
    led.loop.hint()
    wait_until(lambda: len(sources.told) == 2)

    assert sources.asked == ["look", "alerts", "look"]


def seen(name: str) -> Observed:
    return {name: frozenset({"gpu/state"})}


def test_what_a_source_observes_is_kept_until_it_is_asked_again() -> None:
    answers: Iterator[Observed | SourceError] = iter(
        [seen("a"), SourceError("one is away"), seen("b")]
    )
    ended = threading.Semaphore(0)

    def ask() -> Observed:
        answer = next(answers)
        if isinstance(answer, SourceError):
            raise answer
        return answer

    def look() -> None:
        lookout.look(ended.release)
        assert ended.acquire(timeout=PATIENCE)

    lookout = Lookout({"one": ask})
    look()
    assert lookout.told("one") == lookout.told("one") == seen("a")
    look()
    with pytest.raises(SourceError, match="one is away"):
        lookout.told("one")
    look()
    assert lookout.told("one") == seen("b")
    lookout.close()


def test_a_source_that_is_still_asked_is_not_asked_again_and_holds_up_no_other() -> None:
    asked: list[str] = []
    answer, ended = threading.Event(), threading.Event()

    def slow() -> Observed:
        asked.append("slow")
        assert answer.wait(PATIENCE)
        return seen("a")

    def fast() -> Observed:
        asked.append("fast")
        return seen("b")

    lookout = Lookout({"slow": slow, "fast": fast})
    lookout.look(ended.set)
    wait_until(lambda: "fast" in lookout._last)
    lookout.look(ended.set)
    early = ended.is_set()
    answer.set()
    assert ended.wait(PATIENCE)

    assert not early
    assert sorted(asked) == ["fast", "slow"]
    assert [lookout.told(name) for name in ("slow", "fast")] == [seen("a"), seen("b")]
    lookout.close()
