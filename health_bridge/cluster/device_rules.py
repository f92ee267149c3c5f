"""DeviceTaintRules and ResourceSlices on the kube-apiserver, in whichever version it serves them.

Slices are listed once and then watched: devices move when a card is lost, and the next decision
must know. Where the server does not serve the rules, or does not let us, there is nothing to fence
with, and the fault's node answers for it.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol

from health_bridge.cluster.collection import Collection
from health_bridge.cluster.errors import Conflict, Denied, KubeError, Missing, Refused
from health_bridge.cluster.following import Following
from health_bridge.cluster.slices import Slices
from health_bridge.decision.fencing import Device, Fences, Rule
from health_bridge.decision.nodes import NO_SCHEDULE

GROUP = "/apis/resource.k8s.io"
RULE_VERSIONS = ("v1", "v1beta2", "v1alpha3")
SLICE_VERSIONS = ("v1", "v1beta2", "v1beta1")
RULES, SLICES = "devicetaintrules", "resourceslices"

MANAGED_BY = "app.kubernetes.io/managed-by"
OWNER = "railwatch-bridge"
"""Value of that label on every rule of ours: by it we know them, and touch no other."""

ASK_AGAIN = 600.0
"""Seconds before a server that does not serve the rules is asked again."""

_NONE = 60.0
"""Seconds for which there is no rule of ours where there was none: a leader that has just lost its
Lease may still have put one up."""

_MERGE = "application/merge-patch+json"

Document = Mapping[str, Any]


class Api(Protocol):
    """Requests to the kube-apiserver."""

    def request(
        self,
        method: str,
        path: str,
        body: Document | None = None,
        content_type: str = "application/json",
        *,
        query: Iterable[tuple[str, str]] = (),
    ) -> dict[str, Any]:
        """Return the JSON that a request is answered with; KubeError."""

    def collection(self, path: str, *, page: int) -> Collection:
        """Return a collection to be listed and watched."""


class DeviceRules:
    """Reads what can be fenced and is, and puts up and takes down our rules."""

    def __init__(
        self,
        api: Api,
        *,
        enabled: bool = True,
        stale_after: float = 30.0,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        """Ask nothing yet; not `enabled`, ask nothing ever.

        What the server said of slices counts for `stale_after` seconds; `changed` is called when
        those of a node that was looked at are other ones.
        """
        self._api = api
        self._enabled = enabled
        self._served: tuple[str, str] | None = None
        self._asked = float("-inf")
        self._none_until = 0.0
        self._slices = Slices(changed)
        self._stale_after = stale_after
        self._following: Following | None = None
        self.error: KubeError | None = None
        """Why the last look found nothing to fence with, where the server said why."""

    def close(self) -> None:
        """Follow the slices no further."""
        if self._following is not None:
            self._following.stop()
            self._following = None

    def look(self, nodes: frozenset[str]) -> Fences:
        """Return the devices of these nodes and our rules; KubeError where it is only away.

        Nothing is a fence where the server refuses to tell. While there is no device to fence and
        lately was no rule of ours, the server is not asked for any.
        """
        self.error = None
        try:
            served = self._versions()
            if served is None:
                return Fences()
            rules, slices = served
            self._follow(slices).check()
            devices = self._slices.devices(nodes)
            if not devices and time.monotonic() < self._none_until:
                return Fences()
            found = self._api.request("GET", f"{GROUP}/{rules}/{RULES}", query=_OURS)
        except (Denied, Refused, Missing) as error:
            self.error = error
            self._served = None
            self.close()
            return Fences()
        ours = frozenset(map(_read_rule, found.get("items") or []))
        self._none_until = 0.0 if ours else time.monotonic() + _NONE
        return Fences(devices=devices, rules=ours)

    def write(self, wanted: frozenset[Rule], fences: Fences) -> Fences:
        """Put up and take down rules of ours; return the fences as they stand then.

        A rule that cannot be written is no fence, and `error` says why.
        """
        self._none_until = 0.0
        standing = set(fences.rules)
        kept = {rule.name for rule in wanted}
        present = {rule.name for rule in fences.rules}
        for rule in sorted(fences.rules, key=lambda rule: rule.name):
            if rule.name not in kept and self._try("DELETE", rule):
                standing.discard(rule)
        for rule in sorted(wanted - fences.rules, key=lambda rule: rule.name):
            if self._try("PATCH" if rule.name in present else "POST", rule):
                standing = {each for each in standing if each.name != rule.name} | {rule}
        return Fences(devices=fences.devices, rules=frozenset(standing))

    def remove_all(self) -> Iterator[str]:
        """Take down every rule of ours, and yield its name; KubeError."""
        served = self._versions()
        if served is None:
            return
        found = self._api.request("GET", f"{GROUP}/{served[0]}/{RULES}", query=_OURS)
        for rule in map(_read_rule, found.get("items") or []):
            self._send("DELETE", rule)
            yield rule.name

    def _try(self, method: str, rule: Rule) -> bool:
        try:
            self._send(method, rule)
        except (Missing, Conflict):
            return method == "DELETE"  # gone already, or made by another: looked at next time
        except KubeError as error:
            self.error = error
            return False
        return True

    def _send(self, method: str, rule: Rule) -> None:
        assert self._served is not None, "rules are written only where they were read"
        version = self._served[0]
        path = f"{GROUP}/{version}/{RULES}"
        if method == "DELETE":
            self._api.request(method, f"{path}/{rule.name}")
        elif method == "PATCH":
            self._api.request(method, f"{path}/{rule.name}", {"spec": _spec(rule)}, _MERGE)
        else:
            self._api.request(method, path, _document(rule, version))

    def _follow(self, version: str) -> Following:
        """Return what follows the slices, begun where it is not yet."""
        if self._following is None:
            path = f"{GROUP}/{version}/{SLICES}"
            self._following = Following(
                self._api.collection(path, page=_PAGE),
                self._slices,
                path,
                stale_after=self._stale_after,
            )
            self._following.start()
        return self._following

    def _versions(self) -> tuple[str, str] | None:
        """Return the versions of rules and slices, None where they are not served."""
        if not self._enabled:
            return None
        if self._served is None and time.monotonic() - self._asked > ASK_AGAIN:
            group = self._group()
            rules = self._newest(group, RULE_VERSIONS, RULES)
            slices = self._newest(group, SLICE_VERSIONS, SLICES)
            self._asked = time.monotonic()
            self._served = (rules, slices) if rules and slices else None
        return self._served

    def _group(self) -> set[str]:
        try:
            found = self._api.request("GET", GROUP)
        except Missing:
            return set()
        return {each.get("version", "") for each in found.get("versions") or []}

    def _newest(self, group: set[str], versions: Iterable[str], kind: str) -> str | None:
        for version in versions:
            if version in group:
                found = self._api.request("GET", f"{GROUP}/{version}")
                if kind in {each.get("name") for each in found.get("resources") or []}:
                    return version
        return None


_PAGE = 500
"""Slices in one answer."""

_OURS = (("labelSelector", f"{MANAGED_BY}={OWNER}"),)


def _read_rule(document: Document) -> Rule:
    spec = document.get("spec") or {}
    selector, taint = spec.get("deviceSelector") or {}, spec.get("taint") or {}
    return Rule(
        name=document["metadata"]["name"],
        device=Device(
            driver=selector.get("driver", ""),
            pool=selector.get("pool", ""),
            name=selector.get("device", ""),
        ),
        key=taint.get("key", ""),
        value=taint.get("value", ""),
    )


def _document(rule: Rule, version: str) -> dict[str, Any]:
    return {
        "apiVersion": f"resource.k8s.io/{version}",
        "kind": "DeviceTaintRule",
        "metadata": {"name": rule.name, "labels": {MANAGED_BY: OWNER}},
        "spec": _spec(rule),
    }


def _spec(rule: Rule) -> dict[str, Any]:
    device = rule.device
    return {
        "deviceSelector": {"driver": device.driver, "pool": device.pool, "device": device.name},
        "taint": {"key": rule.key, "value": rule.value, "effect": NO_SCHEDULE},
    }
