"""A GPU that was taken out of its node: nothing can prove it healthy, but its node without it."""

from dataclasses import replace

import pytest

from health_bridge.allowed import without_verification
from health_bridge.decision.decide import questions
from health_bridge.decision.nodes import Node
from health_bridge.decision.proofs import without
from health_bridge.decision.sight import Questions, Sight
from health_bridge.poll import Poll
from health_bridge.sources import Prometheus
from tests.health_bridge.test_fuzz import Endpoint
from tests.health_bridge.worlds import (
    NOW,
    SOURCE,
    VERIFYING,
    link_down,
    lost_gpu,
    node,
    policy,
    run,
    sight,
    status,
)

KNOWN = replace(VERIFYING, whole=VERIFYING.faults["AcceleratorsUnverified"])
ON = policy(proofs=without_verification(KNOWN))


def faulty() -> list[Node]:
    return run([node("a")], sight(lost_gpu("a"), nodes="a"), under=ON)


def whole(boot: float, *, uuid: str = "GPU-a") -> Sight:
    """The node is complete without that GPU, and booted then."""
    seen = sight(nodes="a", boots={"a": boot})
    told = replace(seen.witnesses[SOURCE], replaced=frozenset({("a", uuid)}))
    return replace(seen, witnesses={SOURCE: told})


def test_a_whole_node_without_it_after_a_reboot_clears_its_fault() -> None:
    (after,) = run(faulty(), whole(float(NOW)), under=ON)

    assert status(after) == "False"


@pytest.mark.parametrize(
    "seen",
    [
        whole(float(NOW - 3600)),
        whole(float(NOW), uuid="GPU-other"),
        replace(whole(float(NOW)), findings=(lost_gpu("a"),)),
    ],
    ids=["no reboot since", "another GPU", "the alert fires"],
)
def test_less_than_that_holds_it(seen: Sight) -> None:
    (after,) = run(faulty(), seen, under=ON)

    assert status(after) == "True"


def test_every_source_that_vouches_must_say_so() -> None:
    nodes = faulty()
    seen = whole(float(NOW))
    other = replace(seen.witnesses[SOURCE], replaced=frozenset())

    (after,) = run(
        nodes, replace(seen, witnesses={**seen.witnesses, "http://other": other}), under=ON
    )

    assert status(after) == "True"


def test_it_is_asked_of_gpus_only_and_where_whole_nodes_can_be_proven() -> None:
    nodes = run([node("a"), node("b")], sight(lost_gpu("a"), link_down("b"), nodes="ab"), under=ON)

    asked = questions(nodes, sight(nodes="ab"), ON)

    assert asked.replaced == {"a": {"GPU-a"}}
    assert asked.boots == {"a"}
    assert questions(nodes, sight(nodes="ab"), policy()).replaced == {}


def test_the_query_leaves_out_every_faulty_gpu_of_the_nodes_it_asks_of() -> None:
    class Asked(Endpoint):
        def post(self, _path: str, fields: object) -> object:
            queries.append(dict(fields)["query"])  # type: ignore[call-overload]  # a mapping
            series = {"metric": {"node": "a"}, "value": [NOW, "1"]}
            return {"status": "success", "data": {"resultType": "vector", "result": [series]}}

    queries: list[str] = []
    source = Prometheus(Asked(None))  # type: ignore[arg-type]  # all that is used of it
    poll = Poll([], [source], KNOWN, cluster="", timeout=5)
    asked = Questions(replaced={"a": frozenset({"GPU-1", "GPU-2"}), "b": frozenset({"GPU.3"})})

    seen = poll.proofs(poll.alerts(), asked)

    poll.close()
    assert r'healthy{node=~"a|b",uuid!~"GPU-1|GPU-2|GPU\\.3"}' in queries
    (witness,) = seen.sight.witnesses.values()
    assert witness.replaced == {("a", "GPU-1"), ("a", "GPU-2")}
    assert without(["x"]) == 'uuid!~"x"'
