"""What becomes of Events: who speaks never waits, and nobody hears the same again and again."""

import logging
import threading
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from program.announce import (
    AGAIN_AFTER,
    BURST_OF_ONE,
    MAX_MESSAGE,
    About,
    Announcer,
    Errors,
)
from testbed.waiting import PATIENCE, wait_until

NODE = About(kind="Node", name="a", uid="u")
POD = About(kind="Pod", namespace="team", name="rank-0", uid="p")


class Failure(Exception):  # noqa: N818 - what a program's client raises
    pass


class Missing(Failure):
    pass


class Board:
    """Keeps Events; `error` is what every call ends in, `go` what every call waits for."""

    def __init__(self) -> None:
        self.events: dict[str, dict[str, Any]] = {}
        self.error: Failure | None = None
        self.go = threading.Event()
        self.go.set()

    def post_event(self, namespace: str, event: Mapping[str, Any]) -> Mapping[str, Any]:
        self._call()
        assert event["metadata"]["namespace"] == namespace
        name = f"{event['metadata']['generateName']}{len(self.events)}"
        self.events[name] = dict(event)
        return {**event, "metadata": {"name": name, "namespace": namespace}}

    def patch_event(self, namespace: str, name: str, change: Mapping[str, Any]) -> None:
        self._call()
        if name not in self.events:
            raise Missing(f"{namespace}/{name}")
        self.events[name] |= change

    def _call(self) -> None:
        self.go.wait()
        if self.error is not None:
            raise self.error


class Clock:
    """A time that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Speaker:
    """An announcer, and all that is around it."""

    def __init__(self) -> None:
        self.board, self.clock, self.counted = Board(), Clock(), Counter[str]()
        self.announcer = Announcer(
            self.board,
            Errors(failure=Failure, missing=Missing),
            component="railwatch-test",
            counted=lambda result: self.counted.update([result]),
            clock=self.clock,
        )

    def say(self, message: str, about: About = NODE, **more: Any) -> None:
        self.announcer.say(about, "Drained", message, **more)

    def posted(self) -> list[dict[str, Any]]:
        """Return what is up once all that was said has been posted."""
        self.announcer.drain()
        return list(self.board.events.values())


@pytest.fixture
def speaker() -> Speaker:
    return Speaker()


def test_an_event_is_about_a_node_as_kubectl_looks_for_it(speaker: Speaker) -> None:
    speaker.say("why", warning=True)

    (event,) = speaker.posted()
    assert event["involvedObject"] == {
        "apiVersion": "v1",
        "kind": "Node",
        "name": "a",
        "uid": "a",
    }
    assert event["metadata"]["namespace"] == "default"
    assert (event["reason"], event["message"], event["type"], event["count"]) == (
        "Drained",
        "why",
        "Warning",
        1,
    )
    assert event["source"] == {"component": "railwatch-test"}


def test_an_event_about_a_pod_is_kept_in_its_namespace(speaker: Speaker) -> None:
    speaker.say("x" * 5000, POD)

    (event,) = speaker.posted()
    assert event["involvedObject"]["namespace"] == event["metadata"]["namespace"] == "team"
    assert event["involvedObject"]["uid"] == "p"
    assert event["type"] == "Normal"
    assert len(event["message"]) == MAX_MESSAGE


def test_what_is_said_again_counts_on_the_event_that_there_is(speaker: Speaker) -> None:
    speaker.say("why")
    assert [event["count"] for event in speaker.posted()] == [1]
    speaker.say("why")
    speaker.say("why")

    speaker.clock.now += AGAIN_AFTER
    speaker.say("why")

    assert [event["count"] for event in speaker.posted()] == [4]
    assert speaker.counted == {"posted": 2, "repeated": 2}


def test_an_event_that_has_expired_is_put_up_anew_with_its_count(speaker: Speaker) -> None:
    speaker.say("why")
    (first,) = speaker.posted()
    speaker.board.events.clear()

    speaker.clock.now += AGAIN_AFTER
    speaker.say("why")

    (again,) = speaker.posted()
    assert again["count"] == 2
    assert again["firstTimestamp"] == first["firstTimestamp"]


def test_another_message_is_another_event_but_where_it_is_said_to_be_the_same(
    speaker: Speaker,
) -> None:
    speaker.say("4 errors", same=("gpu-1",))
    speaker.say("5 errors", same=("gpu-1",))
    speaker.say("5 errors", same=("gpu-2",))
    speaker.say("one")
    speaker.say("two")
    before = [event["message"] for event in speaker.posted()]
    speaker.clock.now += AGAIN_AFTER
    speaker.say("9 errors", same=("gpu-1",))

    told = [(event["message"], event["count"]) for event in speaker.posted()]

    assert before == ["4 errors", "5 errors", "one", "two"]
    assert told == [("9 errors", 3), ("5 errors", 1), ("one", 1), ("two", 1)]


def test_one_object_that_flaps_silences_no_other(speaker: Speaker) -> None:
    for number in range(1000):
        speaker.say(str(number))
    speaker.say("why", POD)

    kinds = Counter(event["involvedObject"]["kind"] for event in speaker.posted())

    assert kinds == {"Node": BURST_OF_ONE, "Pod": 1}
    assert speaker.counted["too_many"] == 1000 - BURST_OF_ONE


def test_a_storm_is_told_in_part_and_counted_in_whole(speaker: Speaker) -> None:
    for number in range(5000):
        speaker.say("why", About(kind="Node", name=f"n{number}", uid=f"u{number}"))

    assert len(speaker.posted()) == 50
    assert speaker.counted == {"posted": 50, "too_many": 4950}


def test_one_that_failed_may_be_said_again_at_once(
    speaker: Speaker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    speaker.board.error = Failure("HTTP 403")
    speaker.say("why")
    speaker.say("what")
    assert speaker.posted() == []
    speaker.board.error = None

    speaker.say("why")

    assert [event["message"] for event in speaker.posted()] == ["why"]
    assert speaker.counted == {"failed": 2, "posted": 1}
    logged = [record.message for record in caplog.records]
    assert logged.count("event not posted") == logged.count("events posted again") == 1
    assert "Drained: why" in logged


def test_a_server_that_hangs_holds_nobody_up_and_fills_no_memory(speaker: Speaker) -> None:
    speaker.board.go.clear()
    ended = threading.Event()
    thread = threading.Thread(target=speaker.announcer.run, args=(ended,))
    thread.start()

    for number in range(2000):
        speaker.clock.now += 1
        speaker.say("why", About(kind="Node", name=f"n{number}", uid=f"u{number}"))

    assert speaker.counted["too_many"] >= 2000 - 256 - 1
    speaker.board.go.set()
    wait_until(lambda: speaker.counted.total() == 2000, what="all are told of")
    ended.set()
    thread.join(timeout=PATIENCE)
    assert not thread.is_alive()


def test_what_waits_at_the_end_is_still_posted(speaker: Speaker) -> None:
    ended = threading.Event()
    ended.set()
    speaker.say("the end")

    speaker.announcer.run(ended)

    assert [event["message"] for event in speaker.posted()] == ["the end"]
