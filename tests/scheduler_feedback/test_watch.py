"""List and watch, on a source that fails in every way a real one can."""

import logging
import threading
from typing import Any

import pytest

from scheduler_feedback.cache import NodeCache
from scheduler_feedback.errors import Gone, KubeError, Unreachable
from scheduler_feedback.watch import Change, Watcher
from tests.scheduler_feedback.fakes import Clock, FakeSource
from tests.scheduler_feedback.objects import drained_node, node


def change(kind: str, item: dict[str, Any], version: str) -> Change:
    item["metadata"]["resourceVersion"] = version
    return Change(kind=kind, object=item)


def bookmark(version: str) -> Change:
    return Change(kind="BOOKMARK", object={"metadata": {"resourceVersion": version}})


class ScriptEndError(KubeError):
    """Ends a test's script: after it the watcher is stopped."""


class Follower:
    """A watcher over a scripted source, run until the script says so."""

    def __init__(self, source: FakeSource) -> None:
        self.clock = Clock()
        self.woken = 0
        self.cache = NodeCache(stale_after=60, clock=self.clock, on_drain=self._wake)
        self.stop = threading.Event()
        self.failures: list[str] = []
        self.watcher = Watcher(source, self.cache, stop=self.stop, failed=self._failed)
        self.watcher._rest = lambda: None  # type: ignore[method-assign] # no test waits

    def _wake(self) -> None:
        self.woken += 1

    def _failed(self, reason: str) -> None:
        self.failures.append(reason)
        if reason == ScriptEndError.reason:
            self.stop.set()


def test_a_watch_resumes_where_the_last_one_stopped() -> None:
    source = FakeSource(
        lists=[[node("a")]],
        watches=[
            [change("ADDED", node("b"), "6"), bookmark("9")],
            [change("DELETED", node("a"), "10")],
            [ScriptEndError()],
        ],
    )
    follower = Follower(source)

    follower.watcher.run()

    assert source.asked == ["list", "watch 5", "watch 9", "watch 10"]
    assert follower.cache.names == ["b"]


def test_a_broken_connection_is_resumed_without_a_new_list() -> None:
    source = FakeSource(
        lists=[[node("a")]],
        watches=[
            [change("ADDED", node("b"), "6"), Unreachable("cut")],
            [Unreachable("refused")],
            [ScriptEndError()],
        ],
    )
    follower = Follower(source)

    follower.watcher.run()

    assert source.asked == ["list", "watch 5", "watch 6", "watch 6"]
    assert follower.failures == ["unreachable", "unreachable", "error"]


@pytest.mark.parametrize("script", [[Gone("too old")], [bookmark("7"), Gone("compacted")]])
def test_a_version_that_is_gone_means_a_new_list_and_forgotten_nodes_go(script: list[Any]) -> None:
    source = FakeSource(
        lists=[[node("a"), node("b")], [node("b")]], watches=[script, [ScriptEndError()]]
    )
    follower = Follower(source)

    follower.watcher.run()

    assert source.asked[-2:] == ["list", "watch 5"]
    assert follower.cache.names == ["b"]


def test_a_list_cut_short_leaves_what_was_known() -> None:
    source = FakeSource(
        lists=[[node("a"), drained_node("b")], [node("a"), Unreachable("cut")], [node("c")]],
        watches=[[Gone("too old")], [ScriptEndError()]],
    )
    follower = Follower(source)
    seen: list[list[str]] = []

    def failed(error: Exception) -> None:
        assert isinstance(error, KubeError)
        seen.append(follower.cache.names)
        follower._failed(error.reason)

    follower.watcher._failed = failed

    follower.watcher.run()

    assert seen == [["a", "b"], ["a", "b"], ["c"]]


def test_only_the_servers_word_keeps_the_cache_fresh() -> None:
    source = FakeSource(lists=[[node("a")]], watches=[[bookmark("6")], [Unreachable("down")]])
    follower = Follower(source)
    fresh = [follower.cache.fresh]

    follower.watcher.step()
    fresh.append(follower.cache.fresh)
    follower.clock.now += 61
    with pytest.raises(Unreachable):
        follower.watcher.step()
    fresh.append(follower.cache.fresh)

    assert fresh == [False, True, False]
    assert follower.cache.age == 61


def test_lost_and_found_are_logged_once_each(caplog: pytest.LogCaptureFixture) -> None:
    down = Unreachable("connection refused")
    source = FakeSource(
        lists=[[node("a")]], watches=[[down], [down], [down], [bookmark("6")], [ScriptEndError()]]
    )
    follower = Follower(source)

    with caplog.at_level(logging.INFO):
        follower.watcher.run()

    said = [record.getMessage() for record in caplog.records]
    assert said[:2] == ["watch lost", "watch works again"]
    assert said.count("watch works again") == 1


def test_the_drainer_is_woken_only_when_what_drains_changes() -> None:
    cache = Follower(FakeSource())

    cache.cache.put(node("a"))
    assert cache.woken == 0
    cache.cache.put(drained_node("a"))
    cache.cache.put(drained_node("a"))
    assert cache.woken == 1
    cache.cache.put(node("a"))
    assert cache.woken == 2


def test_a_malformed_annotation_is_logged_once_and_once_when_it_is_good_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    cache = NodeCache(stale_after=60)

    with caplog.at_level(logging.INFO):
        for _ in range(3):
            cache.put(node("a", devices="{"))
        assert cache.malformed() == 1
        cache.put(node("a"))

    said = [record.getMessage() for record in caplog.records]
    assert said == ["annotation unreadable", "annotation readable again"]
    assert cache.malformed() == 0
