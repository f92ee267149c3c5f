"""A container's probes, asked as the kubelet asks them."""

import http.client
import ssl
from collections.abc import Mapping
from typing import Any

from testbed.api import Object
from testbed.pods.network import Network

PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
_FAILED = 400
_PATIENCE = 5.0


def succeeds(network: Network, address: str, container: Object, probe: Mapping[str, Any]) -> bool:
    """Whether the probe's own path, port and scheme answer with success."""
    asked = probe["httpGet"]
    port = asked["port"]
    if isinstance(port, str):
        (port,) = (each["containerPort"] for each in container["ports"] if each["name"] == port)
    scheme = asked.get("scheme", "HTTP")
    return network.inside(lambda: _answers(scheme, address, port, asked["path"]))


def _answers(scheme: str, address: str, port: int, path: str) -> bool:
    connection = http.client.HTTPConnection(address, port, timeout=_PATIENCE)
    if scheme == "HTTPS":  # a kubelet verifies no certificate
        context = ssl._create_unverified_context()  # noqa: SLF001 - as the kubelet
        connection = http.client.HTTPSConnection(address, port, timeout=_PATIENCE, context=context)
    try:
        connection.request("GET", path)
        return connection.getresponse().status < _FAILED
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
