"""A person's word for a repair: what it clears, and what it does not."""

import time

import pytest

from health_bridge.decision.decide import decide
from health_bridge.decision.nodes import Node
from health_bridge.decision.record import format_time
from health_bridge.decision.sight import Sight, Witness
from testbed.waiting import wait_until
from tests.health_bridge.site import Site, bridge
from tests.health_bridge.test_loop import cycles
from tests.health_bridge.worlds import (
    ALL,
    NOW,
    SOURCE,
    blind,
    lost_gpu,
    node,
    our_taints,
    policy,
    run,
    sight,
    status,
    true,
)

LATER = NOW + 600


def faulty(**fields: object) -> list[Node]:
    """A node whose GPU fell off the bus a minute ago, as a cycle has left it."""
    return run([node("a", **fields)], sight(lost_gpu("a"), nodes=["a"]))


def said(at: Node) -> str:
    return at.conditions["GpuUnavailable"].message


def after(word: str, seen: Sight) -> Node:
    """Return the faulty node after a person's word and one more cycle."""
    (broken,) = faulty()
    (healed,) = run([node_with(broken, word)], seen)
    return healed


def node_with(at: Node, word: str) -> Node:
    return node(
        at.name,
        devices=at.devices,
        owned=at.owned,
        taints=at.taints,
        conditions=at.conditions,
        verified=word,
    )


def test_a_persons_word_clears_an_older_fault_without_proof_and_stays() -> None:
    word = format_time(NOW + 300)

    healed = after(word, sight(nodes=["a"], now=LATER))

    assert status(healed) == "False"
    assert our_taints(healed) == {}
    assert healed.devices is None
    assert healed.verified == word
    assert said(healed).endswith(f": gpu/state; a person verified the node at {word}")


@pytest.mark.parametrize(
    ("word", "words"),
    [
        (format_time(LATER + 1), "; verified refused: it is in the future"),
        ("yesterday", "; verified refused: it is no RFC 3339 time"),
        ("", "; verified refused: it is no RFC 3339 time"),
        ("2026-11-22T10:00:00", "; verified refused: it is no RFC 3339 time"),
        ("99999-01-01T00:00:00Z", "; verified refused: it is no RFC 3339 time"),
        (format_time(NOW - 60), f"; verified at {format_time(NOW - 60)}, before the fault began"),
    ],
)
def test_a_word_that_cannot_be_taken_clears_nothing_and_is_told(word: str, words: str) -> None:
    held = after(word, sight(nodes=["a"], now=LATER))

    assert status(held) == "True"
    assert our_taints(held) == {"gpu-unavailable": ("drain", "NoSchedule")}
    assert said(held).endswith(words)


@pytest.mark.parametrize(
    "seen",
    [
        sight(lost_gpu("a"), nodes=["a"], now=LATER),
        sight(lost_gpu("a", firing=False), nodes=["a"], now=LATER),
        sight(nodes=["a"], now=LATER, complete=False),
        blind(now=LATER),
        Sight(now=LATER, witnesses={"http://other": Witness(observed={"a": ALL})}),
    ],
    ids=["firing", "pending", "no Alertmanager", "no Prometheus", "not the one that vouched"],
)
def test_it_stands_for_proof_and_not_for_silence(seen: Sight) -> None:
    word = format_time(NOW + 300)

    held = after(word, seen)

    assert status(held) == "True"
    assert said(held).endswith(f"; verified at {word}: waits until every source finds it quiet")


def test_a_fault_after_the_word_needs_proof() -> None:
    (healed,) = run([after(format_time(NOW + 300), sight(nodes=["a"], now=LATER))])
    again = lost_gpu("a", since=LATER + 60)

    (held,) = run(
        [healed],
        sight(again, nodes=["a"], now=LATER + 90),
        sight(nodes=["a"], now=LATER + 900),
    )

    assert status(held) == "True"
    assert "before the fault began" in said(held)


def test_it_ends_even_a_condition_whose_record_was_lost() -> None:
    broken = node("a", conditions={"GpuUnavailable": true()})
    nodes = run([broken], sight(nodes=["a"]))

    (healed,) = run([node_with(nodes[0], format_time(NOW + 300))], sight(nodes=["a"], now=LATER))

    assert status(nodes[0]) == "True"
    assert status(healed) == "False"


def test_words_are_counted_by_their_worth() -> None:
    words = {"a": NOW - 5, "b": NOW, "c": NOW + 5}
    nodes = [node(name, verified=format_time(at)) for name, at in words.items()]

    decision = decide([*nodes, node("d", verified="x"), node("e")], sight(), policy(), {})

    assert decision.verified == {"accepted": 2, "future": 1, "malformed": 1}


def test_the_source_that_vouched_is_the_one_that_is_asked() -> None:
    assert SOURCE in (faulty()[0].owned or "")


@pytest.mark.cluster
def test_on_real_servers_a_word_gives_the_node_back(site: Site) -> None:
    site.nodes("word")
    words = 'railwatch_bridge_verified_nodes{worth="%s"}'

    def vouch(at: float) -> None:
        annotations = {"railwatch.io/verified": format_time(at)}
        site.cluster.api.merge("/api/v1/nodes/word", {"metadata": {"annotations": annotations}})

    with bridge(site, "word") as process:
        site.exporters.lose_gpu("word")
        site.await_status("word", "True")
        site.exporters.heal("word")
        site.await_quiet("word")
        vouch(time.time() + 3600)
        wait_until(lambda: process.metric(words % "future") == 1)
        cycles(process, 2)
        refused = site.condition("word", "GpuUnavailable")
        vouch(time.time())
        site.await_status("word", "False")
        accepted = process.metric(words % "accepted")

    assert refused["status"] == "True"
    assert "verified refused: it is in the future" in refused["message"]
    assert accepted == 1
    assert site.our_taints("word") == []
    assert site.annotation("word", "verified") is not None
