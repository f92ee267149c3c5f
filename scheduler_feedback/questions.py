"""`explain` and `drain-preflight`: questions to the live cluster, which change nothing in it."""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from catalog.conditions import CONDITIONS, GPU_UNAVAILABLE
from catalog.wire import PREFIX
from program.errors import ProgramError, UsageError
from program.flags import add_flags, build, flag, key_prefix, parser
from scheduler_feedback import explain, preflight
from scheduler_feedback.errors import KubeError, NotFound
from scheduler_feedback.health import assess
from scheduler_feedback.kube import connect
from scheduler_feedback.pods import read_budget, read_pod
from scheduler_feedback.settings import Access


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


def explain_pod(argv: list[str]) -> None:
    """Print how the extender judges each node for a pod, and by what evidence."""
    made = parser("railwatch-scheduler explain", "Why a pod may or may not use each node.")
    made.add_argument("pod", metavar="NAMESPACE/NAME", help="a pod; without NAMESPACE of default")
    parsed = _parsed(made, Question, argv)
    asked = build(Question, parsed)
    namespace, name = _pod_name(parsed.pod)
    kube = connect(asked.kubeconfig)
    with _one_line():
        told = explain.explain(kube.pod(namespace, name), kube.nodes(), asked.key_prefix)
    _write(explain.as_json(told) if asked.json else explain.as_text(told))


def preflight_node(argv: list[str]) -> None:
    """Print whom draining a node would evict, whom a budget would hold, and whom it leaves."""
    made = parser("railwatch-scheduler drain-preflight", "What draining a node would do, now.")
    made.add_argument("node", metavar="NODE", help="a node")
    parsed = _parsed(made, PreflightQuestion, argv)
    asked = build(PreflightQuestion, parsed)
    _path_safe("node", parsed.node)
    kube = connect(asked.kubeconfig)
    with _one_line():
        told = preflight.preflight(
            assess(kube.node(parsed.node), asked.key_prefix),
            [read_pod(pod) for pod in kube.pods_on(parsed.node)],
            [read_budget(budget) for budget in kube.budgets()],
            condition=asked.condition,
            now=time.time(),
            bare_pods=asked.bare_pods,
            prefix=asked.key_prefix,
        )
    _write(preflight.as_json(told) if asked.json else preflight.as_text(told))


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
