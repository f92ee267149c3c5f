"""`explain`, `drain-preflight` and `what-if`: questions that change nothing in the cluster."""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from catalog.conditions import CONDITIONS, GPU_UNAVAILABLE
from catalog.wire import PREFIX
from program.errors import ProgramError, UsageError
from program.flags import add_flags, at_least, build, flag, key_prefix, parser
from scheduler_feedback import explain, preflight, survey
from scheduler_feedback.connection import Access
from scheduler_feedback.drain import Situation
from scheduler_feedback.drain_kube import DrainKube
from scheduler_feedback.elsewhere import Snapshot
from scheduler_feedback.errors import KubeError, NotFound
from scheduler_feedback.gang.nodes import read_host
from scheduler_feedback.gang.pods import read_claim, read_member
from scheduler_feedback.health import assess
from scheduler_feedback.kube import NAMESPACES, PODS, Kube, connect
from scheduler_feedback.placement.alignment import RDMA
from scheduler_feedback.placement.near import near_for
from scheduler_feedback.placement.prefer import FRAGMENTATION
from scheduler_feedback.placement.telling import Known, Terms, tell
from scheduler_feedback.pools import Pools, read_pools
from scheduler_feedback.preflight import Preflight
from scheduler_feedback.queue import why
from scheduler_feedback.queue.declare import Declaration
from scheduler_feedback.queue.engines import Engines
from scheduler_feedback.queue.file import QueueFile
from scheduler_feedback.settings import POLICIES, site_tier
from scheduler_feedback.share.names import PRESETS, names_of
from scheduler_feedback.watch import Object


@dataclass(frozen=True, slots=True, kw_only=True)
class Question(Access):
    """What every question is told."""

    key_prefix: str = flag(
        "key-prefix",
        default=PREFIX,
        metavar="PREFIX",
        parse=key_prefix,
        help="prefix of the taints and annotations that the bridge writes",
    )
    json: bool = flag("json", default=False, help="answer in JSON")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainQuestion(Question):
    """What `explain` is told."""

    queues_file: str = flag(
        "queues.file",
        default="",
        metavar="FILE",
        help="the daemon's own --queues.file: says too how the pod stands with its queue's quota",
    )
    pools: Pools = flag(  # noqa: RUF009 - declares a field
        "pools",
        default=Pools(),
        metavar="LABEL=FIRST,SECOND",
        parse=read_pools,
        help="the daemon's own --pools",
    )
    placement_policy: str = flag(
        "placement.policy",
        default=FRAGMENTATION,
        choices=POLICIES,
        help="the daemon's own --placement.policy",
    )
    share_preset: str = flag(
        "share.preset",
        default=PRESETS[0],
        choices=PRESETS,
        help="the daemon's own --share.preset",
    )
    rdma: tuple[str, ...] = flag(
        "placement.rdma-resource",
        default=RDMA,
        metavar="PREFIX",
        help="as if the program ran with this --placement.rdma-resource",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PreflightQuestion(Question):
    """What `drain-preflight` is told."""

    condition: str = flag(
        "condition",
        default=GPU_UNAVAILABLE.type,
        choices=[condition.type for condition in CONDITIONS],
        help="suppose this condition drained the node, where nothing drains it yet",
    )
    bare_pods: bool = flag(
        "drain.bare-pods", default=False, help="as if the drainer ran with --drain.bare-pods"
    )
    longest_checkpoint: float = flag(
        "drain.longest-checkpoint",
        default=1800.0,
        metavar="DURATION",
        parse=at_least(0),
        help="as if the drainer ran with this --drain.longest-checkpoint",
    )
    site_tier: int = flag(
        "gangs.site-tier",
        default=-1,
        metavar="N",
        parse=site_tier,
        help="as if the gang controller ran with this --gangs.site-tier",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIfQuestion(PreflightQuestion):
    """What `what-if` is told."""

    drain: str = flag(
        "drain", default="", metavar="NODE[,NODE]", help="suppose that these nodes are drained"
    )


def explain_pod(argv: list[str]) -> None:
    """Print how the extender judges each node for a pod, and by what evidence."""
    made = parser("railwatch-scheduler explain", "Why a pod may or may not use each node.")
    made.add_argument("pod", metavar="NAMESPACE/NAME", help="a pod; without NAMESPACE of default")
    parsed = _parsed(made, ExplainQuestion, argv)
    asked = build(ExplainQuestion, parsed)
    namespace, name = _pod_name(parsed.pod)
    declared = QueueFile(asked.queues_file).current() if asked.queues_file else None
    kube = connect(asked.kubeconfig)
    with _one_line():
        pod = kube.pod(namespace, name)
        near = near_for(kube, pod, asked.key_prefix, asked.rdma)
        nodes = kube.nodes()
        told = explain.explain(pod, nodes, asked.key_prefix, near)
        told = replace(
            told,
            wishes=_wishes(kube, pod, nodes, asked),
            queue=_of_queues(kube, pod, declared, asked.key_prefix),
        )
    _write(explain.as_json(told) if asked.json else explain.as_text(told))


def _wishes(
    kube: Kube, pod: Object, nodes: Sequence[Object], asked: ExplainQuestion
) -> tuple[str, ...]:
    known = Known(
        nodes=nodes,
        pods=kube.listing(PODS).objects,
        namespaces=kube.listing(NAMESPACES).objects,
    )
    terms = Terms(
        policy=asked.placement_policy,
        pools=asked.pools,
        names=names_of(asked.share_preset),
        prefix=asked.key_prefix,
    )
    return tell(pod, known, terms)


def _of_queues(kube: Kube, pod: Object, declared: Declaration | None, prefix: str) -> str:
    engines = why.look(Engines(kube))
    told = why.by_engine(kube, pod, engines)
    if told or declared is None:
        return told
    cluster = DrainKube(kube, prefix)
    known = why.Known(pods=cluster.all_pods(), claims=cluster.claims())
    return why.by_quota(pod, known, declared, engines.served, prefix)


def preflight_node(argv: list[str]) -> None:
    """Print whom draining a node would move, whom something would hold, and whom it leaves."""
    made = parser("railwatch-scheduler drain-preflight", "What draining a node would do, now.")
    made.add_argument("node", metavar="NODE", help="a node")
    parsed = _parsed(made, PreflightQuestion, argv)
    told = _ask([parsed.node], asked := build(PreflightQuestion, parsed))
    _write(preflight.as_json(told) if asked.json else preflight.as_text(told))


def what_if(argv: list[str]) -> None:
    """Print where each gang and pod would go if nodes were drained; nothing is changed."""
    made = parser("railwatch-scheduler what-if", "Where everybody would go, were nodes drained.")
    parsed = _parsed(made, WhatIfQuestion, argv)
    asked = build(WhatIfQuestion, parsed)
    names = [name for name in asked.drain.split(",") if name]
    if not names:
        raise UsageError("say which nodes: --drain NODE[,NODE]")
    told = _ask(names, asked)
    _write(preflight.as_json(told) if asked.json else preflight.as_moves(told))


def _ask(names: Sequence[str], asked: "PreflightQuestion") -> Preflight:
    for name in names:
        _path_safe("node", name)
    kube = connect(asked.kubeconfig)
    with _one_line():
        situation = _situation(kube, list(dict.fromkeys(names)), asked)
    return preflight.preflight(
        situation, bare_pods=asked.bare_pods, longest=asked.longest_checkpoint
    )


def _situation(kube: Kube, names: Sequence[str], asked: "PreflightQuestion") -> Situation:
    prefix, now = asked.key_prefix, time.time()
    cluster = _Listed(kube, prefix)
    chosen = [assess(kube.node(name), prefix) for name in names]
    nodes = [preflight.suppose(node, asked.condition, now, prefix) for node in chosen]
    looked = survey.Survey(cluster, prefix)
    hosts = [read_host(node, prefix) for node in kube.nodes()]
    members = [read_member(pod, prefix) for pod in cluster.pods]
    snapshot = Snapshot(
        hosts=hosts,
        claims=[claim for claim in map(read_claim, cluster.pods) if claim is not None],
        members=[member for member in members if member is not None],
    )
    closed = {*names, *(host.name for host in hosts if host.health.drains)}
    site = asked.site_tier if asked.site_tier >= 0 else None
    return looked.situation(
        [looked.draining(node)[0] for node in nodes],
        elsewhere=survey.room_elsewhere(snapshot, closed, site),
        now=now,
    )


class _Listed(DrainKube):
    """The cluster, with its pods listed once."""

    def __init__(self, kube: Kube, prefix: str) -> None:
        super().__init__(kube, prefix)
        self.pods = DrainKube(kube, prefix).all_pods()

    def pods_on(self, node: str) -> Sequence[Object]:
        return [pod for pod in self.pods if (pod.get("spec") or {}).get("nodeName") == node]

    def pods_in(self, namespace: str) -> Sequence[Object]:
        return [pod for pod in self.pods if pod["metadata"]["namespace"] == namespace]


def _parsed(
    made: argparse.ArgumentParser, settings: type[Question], argv: list[str]
) -> argparse.Namespace:
    add_flags(made, settings)
    return made.parse_args(argv)


def _pod_name(text: str) -> tuple[str, str]:
    namespace, _, name = text.rpartition("/")
    namespace = namespace or "default"
    _path_safe("namespace", namespace)
    _path_safe("pod", name)
    return namespace, name


def _path_safe(kind: str, name: str) -> None:
    """Refuse what cannot be a Kubernetes name and would change the request's path."""
    if not name or not name.isascii() or not all(c.isalnum() or c in "-." for c in name):
        raise UsageError(f"{name!r} is not the name of a {kind}")


@contextmanager
def _one_line() -> Iterator[None]:
    """Turn what the kube-apiserver says instead of an answer into the program's one line."""
    try:
        yield
    except NotFound as error:
        raise ProgramError(str(error)) from None
    except KubeError as error:
        raise ProgramError(f"kube-apiserver: {error.reason}: {error}") from None


def _write(answer: str | Mapping[str, Any]) -> None:
    text = answer if isinstance(answer, str) else f"{json.dumps(answer, indent=2)}\n"
    sys.stdout.write(text)
