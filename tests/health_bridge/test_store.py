"""What is kept of the nodes, and when nobody vouches for it any more."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from health_bridge.cluster.errors import Denied, Gone, KubeError, Unreachable
from health_bridge.cluster.following import Following
from health_bridge.cluster.kube import connect
from health_bridge.cluster.store import NodeStore, WatchedFleet
from health_bridge.connection import Connection
from health_bridge.decision.nodes import Node
from program.watch import Change, Listing, Watcher
from testbed.waiting import PATIENCE, wait_until
from tests.health_bridge.site import USER, Site
from tests.health_bridge.worlds import KEYS, document, node


def at(version: str, uid: str = "u", **fields: Any) -> Node:
    return node("a", uid=uid, version=version, **fields)


def store(*nodes: Node) -> NodeStore:
    made = NodeStore(KEYS)
    made.replace(map(document, nodes))
    return made


def version(kept: NodeStore) -> str:
    (only,) = kept.nodes()
    return only.version


def test_a_watch_that_lags_does_not_undo_what_our_own_write_was_answered_with() -> None:
    kept = store(at("7"))
    kept.note(at("12"))

    kept.put(document(at("9")))

    assert version(kept) == "12"
    kept.put(document(at("13")))
    assert version(kept) == "13"


def test_a_node_that_was_deleted_while_it_was_written_stays_deleted() -> None:
    kept = store(at("7"))
    kept.drop(document(at("8")))

    kept.note(at("9"))

    assert kept.nodes() == []


def test_a_node_recreated_under_its_name_is_another_whatever_its_version() -> None:
    kept = store(at("70", uid="old"))
    kept.put(document(at("9", uid="new")))

    kept.note(at("71", uid="old"))

    assert [each.uid for each in kept.nodes()] == ["new"]


def test_a_list_is_the_whole_truth_even_one_of_older_versions() -> None:
    kept = store(at("70"), node("b"))

    kept.replace([document(at("7"))])

    assert version(kept) == "7"


def test_a_node_that_has_not_changed_is_the_same_object_in_the_next_cycle() -> None:
    kept = store(at("7"))

    assert kept.nodes()[0] is kept.nodes()[0]


class Server:
    """A collection that answers what a test has laid out."""

    def __init__(self, *answers: list[Change] | KubeError) -> None:
        self.answers = list(answers)
        self.lists = 0
        self.versions: list[str] = []

    def list(self) -> Listing:
        self.lists += 1
        return Listing(objects=[document(at(str(self.lists)))], version=lambda: str(self.lists))

    def watch(self, version: str) -> Iterator[Change]:
        self.versions.append(version)
        answer = self.answers.pop(0) if self.answers else []
        if isinstance(answer, KubeError):
            raise answer
        return iter(answer)


def watched(server: Server, kept: NodeStore) -> Watcher:
    return Following(server, kept, "nodes", stale_after=60).watcher


def change(kind: str, of: Node) -> Change:
    return Change(kind=kind, object=document(of))


def test_a_watch_is_resumed_where_it_ended() -> None:
    server = Server([change("MODIFIED", at("5")), change("BOOKMARK", at("8"))])
    kept = NodeStore(KEYS)
    watcher = watched(server, kept)

    watcher.step()
    watcher.step()

    assert server.versions == ["1", "8"]
    assert server.lists == 1
    assert version(kept) == "5"


def followed(server: Server, kept: NodeStore, until: int) -> Watcher:
    """Follow until the server was asked to watch so often."""
    following = Following(server, kept, "nodes", stale_after=60)
    thread = threading.Thread(target=following.watcher.run)
    thread.start()
    wait_until(lambda: len(server.versions) >= until)
    following.stop()
    thread.join()
    return following.watcher


def test_a_version_that_is_too_old_is_listed_anew() -> None:
    server = Server(Gone("too old"))
    kept = NodeStore(KEYS)

    watcher = followed(server, kept, until=2)

    assert server.versions[:2] == ["1", "2"]
    assert watcher.failure is None


def test_a_server_that_fails_for_long_may_have_another_past_and_is_listed_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("program.watch._LONGEST_PAUSE", 0.01)
    server = Server(*(Unreachable("too large resource version") for _ in range(5)))

    followed(server, NodeStore(KEYS), until=6)

    assert server.versions[:6] == ["1", "1", "1", "1", "1", "2"]


def test_while_the_watch_fails_there_are_no_nodes_to_decide_on() -> None:
    following = Following(Server(), NodeStore(KEYS), "nodes", stale_after=60)
    following.watcher.step()
    following.check()
    following.watcher.failure = Denied("HTTP 403")

    with pytest.raises(Denied, match="403"):
        following.check()


def test_a_watch_that_is_silent_for_too_long_vouches_for_nothing() -> None:
    now = [100.0]
    following = Following(Server(), NodeStore(KEYS), "nodes", stale_after=5, clock=lambda: now[0])
    following.watcher.step()
    now[0] += 6

    with pytest.raises(Unreachable, match="GET nodes: the watch is silent for 6 s"):
        following.check()

    following.watcher.step()
    following.check()


def test_before_the_first_list_there_are_no_nodes_to_decide_on() -> None:
    following = Following(Server(), NodeStore(KEYS), "nodes", stale_after=0.05)

    with pytest.raises(Unreachable, match="not been answered"):
        following.check()


@pytest.mark.cluster
def test_the_real_server_is_followed_over_deletion_and_recreation(site: Site) -> None:
    site.cluster.add_nodes(["kept-0", "kept-1"], labels={"test": "kept"})
    kube = connect(Connection(kubeconfig=str(site.cluster.kubeconfig_for(USER)), timeout=10))
    fleet = WatchedFleet(kube, KEYS, selector="test=kept", stale_after=PATIENCE)
    fleet.start()

    def uids() -> dict[str, str]:
        return {each.name: each.uid for each in fleet.nodes()}

    before = uids()
    site.cluster.api.delete("/api/v1/nodes/kept-0")
    wait_until(lambda: set(uids()) == {"kept-1"})
    site.cluster.add_nodes(["kept-0"], labels={"test": "kept"})
    wait_until(lambda: set(uids()) == {"kept-0", "kept-1"})
    after = uids()
    site.cluster.api.merge("/api/v1/nodes/kept-1", {"metadata": {"labels": {"test": None}}})
    wait_until(lambda: set(uids()) == {"kept-0"})
    fleet.stop()

    assert before["kept-0"] != after["kept-0"] == site.cluster.node("kept-0")["metadata"]["uid"]
    assert before["kept-1"] == after["kept-1"]
