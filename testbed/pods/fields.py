"""What a pod may ask about itself, and how its texts name its variables."""

import re
from collections.abc import Mapping

from testbed.api import Object
from testbed.pods.machine import Machine

_REFERENCE = re.compile(r"\$\$|\$\(([^)]*)\)")


def field_of(pod: Object, machine: Machine, path: str) -> str:
    """Return a field by the path of a fieldRef."""
    metadata, spec = pod["metadata"], pod["spec"]
    known = {
        "metadata.name": metadata["name"],
        "metadata.namespace": metadata["namespace"],
        "metadata.uid": metadata["uid"],
        "spec.nodeName": spec["nodeName"],
        "spec.serviceAccountName": spec["serviceAccountName"],
        "status.hostIP": machine.interface.address,
    }
    if path not in known:
        raise NotImplementedError(f"fieldPath {path} is not played")
    return str(known[path])


def expanded(text: str, variables: Mapping[str, str]) -> str:
    """Return a text of `command`, `args` or `env` with the values of its $(VARIABLES)."""

    def of(match: re.Match[str]) -> str:
        return "$" if match[1] is None else variables.get(match[1], match[0])

    return _REFERENCE.sub(of, text)
