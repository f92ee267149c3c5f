"""What railwatch writes on Kubernetes objects: keys, and the annotation of faulty devices."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

PREFIX = "railwatch.io"
"""Default prefix of every label, annotation, taint and gate; one setting changes it."""

DEVICES = "devices"
OWNED = "owned"
VERIFIED = "verified"
VERIFIED_BOOT = "verified-boot"
MANAGED = "managed"
RAILS = "rails"

ACTIONS = ("applied", "withheld", "blind")

NODE = "node"
"""The key in the devices annotation of a fault that is the whole node's."""

ANNOTATION_LIMIT = 16 * 1024
"""Bytes the devices annotation may take; evidence and users give way first."""

CUT = "…"
"""Marks a field that was cut to keep the annotation within its limit."""


class WireError(ValueError):
    """An annotation does not say what it should; the message names the field."""


def key(name: str, prefix: str = PREFIX) -> str:
    """Return the full key of one of the names above."""
    return f"{prefix}/{name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceFault:
    """One fault of one device as the node's annotation tells it.

    `device` is the uuid of a GPU, the guid of a port (or `device+port` where it has none), or
    `node`. `name` is for display. `since` is RFC 3339. `users` are pod UIDs, where known.
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


def dump_devices(faults: Sequence[DeviceFault], limit: int = ANNOTATION_LIMIT) -> str:
    """Return the annotation's JSON: device → list of its faults, sorted, at most `limit` bytes.

    Evidence is cut first, then users; device, fault, since and action never are, so a node with
    more faults than fit says so with WireError.
    """
    for evidence, users in ((None, None), (80, None), (0, None), (0, 0)):
        text = _encode(faults, evidence, users)
        if len(text.encode()) <= limit:
            return text
    raise WireError(f"{len(faults)} device faults do not fit in {limit} bytes")


def _encode(faults: Sequence[DeviceFault], evidence: int | None, users: int | None) -> str:
    document: dict[str, list[dict[str, Any]]] = {}
    for fault in sorted(faults, key=lambda f: (f.device, f.fault)):
        entry = asdict(fault)
        del entry["device"]
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
    if not text:
        return ()
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WireError(f"devices annotation is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise WireError("devices annotation is not a JSON object")
    return tuple(
        _decode(device, entry)
        for device, entries in document.items()
        for entry in (entries if isinstance(entries, list) else [entries])
    )


def _decode(device: str, entry: object) -> DeviceFault:
    if not isinstance(entry, Mapping):
        raise WireError(f"devices annotation: {device}: not an object")
    wanted = ("name", "condition", "verdict", "action", "fault", "since", "evidence")
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
