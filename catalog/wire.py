"""What railwatch writes on Kubernetes objects: keys, and the annotation of faulty devices."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

PREFIX = "railwatch.io"
"""Default prefix of every label, annotation, taint and gate; one setting changes it."""

DEVICES = "devices"
OWNED = "owned"
VERIFIED = "verified"
VERIFIED_BOOT = "verified-boot"
MANAGED = "managed"
LEASE_END = "lease-end"
"""Annotation of a rented node, by its owner: when (RFC 3339) its lease ends."""

RAILS = "rails"
"""Annotation of a node: where its GPUs and NICs stand; catalog/rails.py says how."""

TOPOLOGY_SOURCE = "topology-source"
"""Annotation of a node on which the publisher wrote something: whence its tiers are."""

MANAGED_BY = "app.kubernetes.io/managed-by"
"""Label of every object that is wholly ours."""

TOPOLOGY = "topology"
"""Begins the prefix of the topology labels: `topology.railwatch.io/tier-0`, nearest the node."""

TIER = "tier-"
LINE_LABEL = "line"
"""Name, under the topology prefix, of the label that says which dedicated line a node is behind."""

GANG = "gang"
"""Label of a gang's pods, its value the gang's name; and the scheduling gate they wait at."""

GANG_SIZE = "gang-size"
GANG_MIN = "gang-min"
GANG_REQUIRED = "gang-topology-required"
GANG_PREFERRED = "gang-topology-preferred"
GANG_SLICE_SIZE = "gang-slice-size"
GANG_SLICE_REQUIRED = "gang-slice-topology-required"
GANG_ACROSS_SITES = "gang-across-sites"
"""Annotations of a gang's pods; a topology is a tier, such as `tier-0`."""

GANG_PLACED = "gang-placed"
"""Annotation that a pod gets as it is let go: when (RFC 3339)."""

DRAIN_REQUESTED = "drain-requested"
"""Annotation that a pod gets before it is evicted: when (RFC 3339). A request older than what it
leaves for, the fault that drains its node as a rule, counts for nothing."""

GIVES_WAY_TO = "gives-way-to"
"""Annotation beside that request where it is not for a fault: the gang (`NAMESPACE/NAME`) that gets
back what this one's queue has borrowed."""

CHECKPOINT_DEADLINE = "checkpoint-deadline"
"""Annotation of a pod, by its owner: how long (`5m`) is waited after the request."""

CHECKPOINTED = "checkpointed"
"""Annotation of a pod, by its own job: when (RFC 3339) it last saved its state. A pod that says so
later than the request is waited for no longer."""

DRAIN_SUSPENDED = "drain-suspended"
"""Label of a Job that we have suspended in place of evicting its pods, and will resume."""

SUSPENDED_FOR_FAULT, SUSPENDED_FOR_QUEUE = "true", "reclaim"
"""What that label says: by the drainer, or so that a queue gets back what it is guaranteed."""

GPU_ASSIGNMENT = "gpu-assignment"
"""Annotation that a pod with shared GPUs is bound with: JSON, which of its node's GPUs it has."""

GPU_MILLI = "gpu-milli"
GPU_MEMORY = "gpu-memory-mib"
"""Resources of nodes that share their GPUs: thousandths of a GPU, and its memory in MiB."""

GPU_FENCED = "gpu-reservation-expired"
"""Annotation that voids a binding to shared GPUs that was announced and never made."""

GPU_SHARE = "gpu-share"
"""Label of the ConfigMaps that hold announced bindings; `true`."""

PLACEMENT_POLICY = "placement-policy"
"""Annotation of a pod or a namespace: how its node is chosen among equally healthy ones."""

ACTIONS = ("applied", "withheld", "blind")

NODE = "node"
"""The key in the devices annotation of a fault that is the whole node's."""

FENCES = ("rule", "plugin")
"""rule: a DeviceTaintRule; plugin: the device plugin has lowered what the node can allocate."""

GPU_RESOURCE = "nvidia.com/gpu"
GPU_REPLICAS = "nvidia.com/gpu.replicas"
"""Node label of GPU feature discovery: how many of that resource each GPU is."""
GPU_PRODUCT = "nvidia.com/gpu.product"
MIG_PRODUCT = "-MIG-"
"""Its node label for the model, and what is in it where the resource is parts of GPUs (MIG)."""

HISTORY = "history"
"""The key in the devices annotation of the faults that have cleared and may come back."""

TOLD_STATES = ("awaiting_reset", "awaiting_reboot", "blind")
"""The states of a fault that the annotation tells. The others change with each flap of an alert,
and would make each a write; they are in the bridge's metrics."""

ANNOTATION_LIMIT = 16 * 1024
"""Bytes the devices annotation may take; evidence and users give way first."""

CUT = "…"
"""Marks a field that was cut to keep the annotation within its limit."""


class WireError(ValueError):
    """An annotation does not say what it should; the message names the field."""


def key(name: str, prefix: str = PREFIX) -> str:
    """Return the full key of one of the names above."""
    return f"{prefix}/{name}"


def topology_key(name: str, prefix: str = PREFIX) -> str:
    """Return the full key of a topology label, such as `tier-0`."""
    return key(name, f"{TOPOLOGY}.{prefix}")


def place(kind: str, name: str) -> str:
    """Return what stands for the device where a fault is a domain's or line's: `domain:leaf-3`."""
    return f"{kind}:{name}"


_GPU_NAME = re.compile(r"GPU ([0-9]{1,2})", re.ASCII)


def gpu_name(index: str) -> str:
    """Return what a GPU is called by the index that its node's driver gives it: `GPU 3`."""
    return f"GPU {index}"


def gpu_index(name: str) -> int | None:
    """Return the index of a GPU that is called so, None where the name has none."""
    found = _GPU_NAME.fullmatch(name)
    return int(found[1]) if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceFault:
    """One fault of one device as the node's annotation tells it.

    `device` is the uuid of a GPU, the guid of a port (or `device+port` where it has none), `node`,
    or `domain:NAME`, `line:NAME`. `name` is for display. `since` is RFC 3339. `users` are pod UIDs,
    where known. `state` is one of TOLD_STATES or empty. `withheld_by` names what withholds: a
    budget (`fleet`, `tier-0`, `label:pool`, …), `pause`, `fallback` (a GPU that cannot be fenced,
    and the owner wants no node tainted for it), or the domain that stands for the device. `fence`
    is one of FENCES where the device alone is kept from pods, and the node has no taint for it.
    """

    device: str
    name: str
    condition: str
    verdict: str
    action: str
    fault: str
    since: str
    evidence: str = ""
    users: tuple[str, ...] = ()
    state: str = ""
    withheld_by: str = ""
    fence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleared:
    """A fault that has cleared: how often so far, and when last (RFC 3339)."""

    device: str
    fault: str
    count: int
    last: str


def dump_devices(
    faults: Sequence[DeviceFault],
    history: Sequence[Cleared] = (),
    limit: int = ANNOTATION_LIMIT,
) -> str:
    """Return the annotation's JSON: device → list of its faults, sorted, at most `limit` bytes.

    Evidence is cut first, then users; device, fault, since, action and history never are, so a node
    with more than fits says so with WireError.
    """
    past = [asdict(each) for each in sorted(history, key=lambda c: (c.device, c.fault))]
    for evidence, users in ((None, None), (80, None), (0, None), (0, 0)):
        text = _encode(faults, past, evidence, users)
        if len(text.encode()) <= limit:
            return text
    raise WireError(f"{len(faults)} device faults do not fit in {limit} bytes")


_ENTRY = tuple(each.name for each in fields(DeviceFault) if each.name != "device")
"""The parts of a fault in the annotation; it stands under its device."""


def _encode(
    faults: Sequence[DeviceFault],
    history: list[dict[str, Any]],
    evidence: int | None,
    users: int | None,
) -> str:
    document: dict[str, list[dict[str, Any]]] = {HISTORY: history} if history else {}
    for fault in sorted(faults, key=lambda f: (f.device, f.fault)):
        entry = {name: getattr(fault, name) for name in _ENTRY}
        if evidence is not None and len(fault.evidence) > evidence:
            entry["evidence"] = fault.evidence[:evidence] + CUT
        if users is not None and fault.users:
            entry["users"] = [CUT]
        document.setdefault(fault.device, []).append({k: v for k, v in entry.items() if v})
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def parse_devices(text: str | None) -> tuple[DeviceFault, ...]:
    """Return the faults an annotation names; none for an absent one.

    Unknown fields are ignored, so that an older reader survives a newer writer. WireError names
    what is malformed.
    """
    return tuple(
        _decode(device, entry)
        for device, entries in _document(text).items()
        for entry in (entries if isinstance(entries, list) else [entries])
        if device != HISTORY
    )


def parse_history(text: str | None) -> tuple[Cleared, ...]:
    """Return the cleared faults an annotation remembers; WireError names what is malformed."""
    entries = _document(text).get(HISTORY, [])
    if not isinstance(entries, list):
        raise WireError(f"devices annotation: {HISTORY} is not a list")
    return tuple(_decode_cleared(entry) for entry in entries)


def _document(text: str | None) -> dict[str, Any]:
    if not text:
        return {}
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WireError(f"devices annotation is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise WireError("devices annotation is not a JSON object")
    return document


def _decode_cleared(entry: object) -> Cleared:
    if not isinstance(entry, Mapping):
        raise WireError(f"devices annotation: {HISTORY}: not an object")
    device, fault, last = (entry.get(name) for name in ("device", "fault", "last"))
    count = entry.get("count")
    if not isinstance(device, str) or not isinstance(fault, str) or not isinstance(last, str):
        raise WireError(f"devices annotation: {HISTORY}: device, fault or last is not a string")
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise WireError(f"devices annotation: {HISTORY}: count is not a whole number above 0")
    return Cleared(device=device, fault=fault, count=count, last=last)


def _decode(device: str, entry: object) -> DeviceFault:
    if not isinstance(entry, Mapping):
        raise WireError(f"devices annotation: {device}: not an object")
    wanted = (
        *("name", "condition", "verdict", "action", "fault", "since", "evidence"),
        *("state", "withheld_by", "fence"),
    )
    fields = {name: entry.get(name, "") for name in wanted}
    for name, value in fields.items():
        if not isinstance(value, str):
            raise WireError(f"devices annotation: {device}: {name} is not a string")
    if fields["action"] not in ACTIONS:
        raise WireError(f"devices annotation: {device}: unknown action {fields['action']!r}")
    users = entry.get("users", [])
    if not isinstance(users, list) or not all(isinstance(user, str) for user in users):
        raise WireError(f"devices annotation: {device}: users is not a list of strings")
    return DeviceFault(device=device, users=tuple(users), **fields)
