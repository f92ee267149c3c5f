"""The bridge needs every right that deploy/ gives it: take one away, and somebody can see it."""

import copy
import itertools
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from health_bridge.cluster.errors import KubeError, Missing
from health_bridge.cluster.kube import connect
from health_bridge.connection import Connection
from health_bridge.release import release
from program.announce import AGAIN_AFTER, About, Announcer, Errors
from program.errors import ProgramError
from testbed.api import ApiError
from testbed.waiting import wait_until
from tests.health_bridge.faulty_ways import way_to_the_api
from tests.health_bridge.site import USER, Bridge, Site, bridge, running_site

pytestmark = pytest.mark.cluster

RBAC = Path(__file__).parents[2] / "deploy" / "bridge" / "rbac.yaml"
SLICES = "/apis/resource.k8s.io/v1/resourceslices"
LEASE = "/apis/coordination.k8s.io/v1/namespaces/railwatch/leases/railwatch-bridge"
REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
NOT_READY = 503
COUNTERS = {
    "create events": 'railwatch_bridge_events_total{result="failed"}',
    "list daemonsets": 'railwatch_bridge_daemonset_check{state="failed"}',
}
"""What the bridge can do its work without is counted apart."""
DENIED = 'railwatch_bridge_api_errors_total{kind="denied"}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """One verb on one resource, in the rule of the role that grants it."""

    role: str
    rule: int
    resource: str
    verb: str

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}"


def roles() -> dict[str, dict[str, Any]]:
    """Return the roles by their kinds."""
    documents = yaml.safe_load_all(RBAC.read_text(encoding="utf-8"))
    return {each["kind"]: each for each in documents if "rules" in each}


ROLES = roles()
RIGHTS = [
    Right(role=kind, rule=number, resource=resource, verb=verb)
    for kind, role in ROLES.items()
    for number, rule in enumerate(role["rules"])
    for resource in rule["resources"]
    for verb in rule["verbs"]
]


def without(right: Right) -> dict[str, Any]:
    """Return the role that lacks the right, and only that."""
    role = copy.deepcopy(ROLES[right.role])
    rule = role["rules"].pop(right.rule)
    for resource in rule["resources"]:
        verbs = [v for v in rule["verbs"] if (resource, v) != (right.resource, right.verb)]
        if verbs:
            role["rules"].append({**rule, "resources": [resource], "verbs": verbs})
    return role


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with running_site() as running:
        yield running


def is_granted(site: Site, right: Right) -> bool:
    """Whether the kube-apiserver, which learns of roles by a watch of its own, grants the right."""
    metadata, rule = ROLES[right.role]["metadata"], ROLES[right.role]["rules"][right.rule]
    resource, _, part = right.resource.partition("/")
    asked = {
        "verb": right.verb,
        "group": rule["apiGroups"][0],
        "resource": resource,
        "subresource": part,
        "namespace": metadata.get("namespace", ""),
        "name": next(iter(rule.get("resourceNames", ())), ""),
    }
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": USER, "resourceAttributes": asked},
    }
    return bool(site.cluster.api.post(REVIEWS, review)["status"]["allowed"])


@contextmanager
def deprived(site: Site, right: Right) -> Iterator[None]:
    """Take the right away until the block ends."""
    site.cluster.apply([without(right)])
    try:
        wait_until(lambda: not is_granted(site, right), what=f"nobody may {right}")
        yield
    finally:
        site.cluster.apply([ROLES[right.role]])
        wait_until(lambda: is_granted(site, right), what=f"the bridge may {right} again")


NAMES = (f"rights-{number}" for number in itertools.count())


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A node with a device that can be fenced, and the bridge that minds it."""

    site: Site
    node: str
    process: Bridge
    cut: Callable[[], None]
    """Resets the bridge's connections to the kube-apiserver."""

    def lose(self) -> None:
        self.site.exporters.lose_gpu(self.node)
        self.site.exporters.drop_link(self.node)

    def move_the_device(self) -> None:
        """Have the driver tell of the fenced device under another name."""
        self.lose()
        wait_until(lambda: steps(self.process, "set_rule"))
        slice_of(self.site, self.node, device="gpu-9", generation=2)

    def recover(self) -> None:
        self.lose()
        wait_until(lambda: steps(self.process, "set_rule"))
        self.site.exporters.heal(self.node)
        self.site.exporters.reboot(self.node)

    def interfere(self) -> None:
        """Write the node, and undo what the bridge writes, until one of its writes is in conflict.

        What it has written must be gone: it would have nothing more to write.
        """
        path = f"/api/v1/nodes/{self.node}"
        stopping = threading.Event()

        def write() -> None:
            for turn in itertools.count():
                if stopping.is_set():
                    return
                undone = {"railwatch.io/owned": None} if turn % 8 == 0 else {}
                change = {"labels": {"n": str(turn)}, "annotations": undone}
                with suppress(ApiError):
                    self.site.cluster.api.merge(path, {"metadata": change})

        thread = threading.Thread(target=write)
        thread.start()
        try:
            self.lose()
            conflict = 'railwatch_bridge_api_errors_total{kind="conflict"}'
            wait_until(lambda: self.process.metric(conflict))
        finally:
            stopping.set()
            thread.join()

    def lose_the_lease(self) -> None:
        self.site.cluster.api.delete(LEASE)


def steps(process: Bridge, kind: str) -> float:
    return process.metric(f'railwatch_bridge_steps_total{{kind="{kind}"}}') or 0


def slice_of(site: Site, node: str, *, device: str, generation: int) -> None:
    site.cluster.apply(
        [
            {
                "apiVersion": "resource.k8s.io/v1",
                "kind": "ResourceSlice",
                "metadata": {"name": node},
                "spec": {
                    "driver": "gpu.nvidia.com",
                    "nodeName": node,
                    "pool": {"name": node, "generation": generation, "resourceSliceCount": 1},
                    "devices": [
                        {"name": device, "attributes": {"uuid": {"string": f"GPU-{node}"}}}
                    ],
                },
            }
        ]
    )


@contextmanager
def scene(site: Site, folder: Path) -> Iterator[Scene]:
    """Run a bridge for a node of its own, as deploy/ would, with connections that can be cut."""
    node = next(NAMES)
    site.nodes(node)
    slice_of(site, node, device="gpu-3", generation=1)
    elect = ("--leader-elect",)
    with ExitStack() as stack:
        stack.callback(site.cluster.api.delete, f"{SLICES}/{node}")
        site.cluster.api.delete(LEASE)  # of a bridge before that could not give it up
        proxy, kubeconfig = stack.enter_context(way_to_the_api(site, folder))
        process = stack.enter_context(bridge(site, node, *elect, kubeconfig=kubeconfig))
        yield Scene(site=site, node=node, process=process, cut=proxy.cut)


CAUSES: Mapping[str, Callable[[Scene], object]] = {
    "get nodes": Scene.interfere,
    "list nodes": lambda scene: scene.cut(),
    "watch nodes": lambda scene: scene.cut(),
    "patch devicetaintrules": Scene.move_the_device,
    "delete devicetaintrules": Scene.recover,
    "create leases": Scene.lose_the_lease,
}
"""What makes the bridge use a right that it does not use in every cycle, or for every fault."""


def seen(process: Bridge) -> str:
    """Return what a person can see: the log, its quotes unescaped, and what /readyz says."""
    text = process.log.read_text(encoding="utf-8") + process.get("/readyz").text
    return text.replace('\\"', '"')


ELSEWHERE = ("delete leases", "patch events")
"""Rights that it uses at its end, and ten minutes later: they have tests of their own below."""


@pytest.mark.parametrize("right", [r for r in RIGHTS if str(r) not in ELSEWHERE], ids=str)
def test_a_right_that_is_missing_shows(right: Right, site: Site, tmp_path: Path) -> None:
    words = f'cannot {right.verb} resource "{right.resource}"'

    with deprived(site, right), scene(site, tmp_path) as there:
        CAUSES.get(str(right), Scene.lose)(there)
        wait_until(
            lambda: words in seen(there.process),
            what=f"the bridge says that it {words}",
        )
        wait_until(
            lambda: (
                there.process.metric(COUNTERS.get(str(right), DENIED))
                or there.process.get("/readyz").status == NOT_READY
            ),
            what="the metric counts it, or /readyz says so",
        )


def test_with_all_of_them_nothing_is_denied(site: Site, tmp_path: Path) -> None:
    with scene(site, tmp_path) as there:
        there.move_the_device()
        wait_until(lambda: steps(there.process, "set_rule") >= 2)
        site.exporters.heal(there.node)
        site.exporters.reboot(there.node)
        wait_until(lambda: steps(there.process, "remove_rule"))
        there.cut()
        there.interfere()
        there.lose_the_lease()
        there.process.await_ready()
        text = seen(there.process)
        denied = there.process.metric(DENIED)

    assert denied == 0
    assert "forbidden" not in text


def test_without_the_right_to_patch_events_what_is_said_again_is_lost_and_counted(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    (right,) = (each for each in RIGHTS if str(each) == "patch events")
    kube = connect(Connection(kubeconfig=str(site.cluster.kubeconfig_for(USER))))
    clock, counted = itertools.count(step=AGAIN_AFTER), list[str]()
    speaker = Announcer(
        kube,
        Errors(failure=KubeError, missing=Missing),
        component="railwatch-bridge",
        counted=counted.append,
        clock=lambda: float(next(clock)),
    )

    def say() -> str:
        speaker.say(About(kind="Node", name="told", uid="u"), "FaultApplied", "why")
        speaker.drain()
        return counted[-1]

    with deprived(site, right):
        wait_until(lambda: say() == "failed", what="a patch is denied")
    assert 'cannot patch resource "events"' in str(vars(caplog.records[0])["error"])
    wait_until(lambda: say() == "posted", what="a patch is permitted again")


def test_release_without_the_right_to_delete_the_lease_says_so(site: Site) -> None:
    (right,) = (each for each in RIGHTS if str(each) == "delete leases")
    connection = Connection(kubeconfig=str(site.cluster.kubeconfig_for(USER)))

    def run() -> list[str]:
        return list(release(connect(connection), connection, (), everything=True))

    site.cluster.api.delete(LEASE)
    with deprived(site, right), pytest.raises(ProgramError, match="cannot delete resource"):
        run()

    assert run()[-1] == "removed lease railwatch/railwatch-bridge"
