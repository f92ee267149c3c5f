"""Services as pods find them: by variables and names, and through them the pods behind them."""

import random
import socket
from collections.abc import Iterator
from functools import partial

from testbed.api import Object
from testbed.pods.network import Network, reach
from testbed.servers import ApiServer


class Services:
    """The Services of a cluster, in a network."""

    def __init__(self, apiserver: ApiServer, network: Network) -> None:
        """Serve the API server in the network, by its Service's address and name."""
        self._api = apiserver.api
        self._network = network
        spec = self._of("default", "kubernetes")["spec"]
        (port,) = (each["port"] for each in spec["ports"])
        dial = partial(reach, "127.0.0.1", apiserver.port)
        network.serve("kubernetes.default", spec["clusterIP"], port, dial)

    def variables(self, namespace: str) -> dict[str, str]:
        """Return the variables by which containers of a namespace are told of Services."""
        local = self._api.items(f"/api/v1/namespaces/{namespace}/services")
        return dict(
            variable
            for service in (self._of("default", "kubernetes"), *local)
            for variable in _variables(service)
        )

    def dial(self, namespace: str, name: str, port: str) -> socket.socket:
        """Connect to a ready pod behind a Service's named port; OSError where none is."""
        path = f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"
        slices = self._api.items(f"{path}?labelSelector=kubernetes.io%2Fservice-name%3D{name}")
        found = [
            (address, each["port"])
            for part in slices
            for each in part["ports"] or ()
            if each["name"] == port
            for endpoint in part["endpoints"] or ()
            if endpoint["conditions"]["ready"]
            for address in endpoint["addresses"]
        ]
        if not found:
            raise ConnectionRefusedError(f"service {name}.{namespace} has no ready endpoint")
        return self._network.dial(*random.choice(found))

    def _of(self, namespace: str, name: str) -> Object:
        return self._api.get(f"/api/v1/namespaces/{namespace}/services/{name}")


def _variables(service: Object) -> Iterator[tuple[str, str]]:
    """Yield a Service's variables, those of its first port; one without an address has none."""
    name = service["metadata"]["name"].upper().replace("-", "_")
    address, port = service["spec"].get("clusterIP", "None"), service["spec"]["ports"][0]["port"]
    if address != "None":
        yield f"{name}_SERVICE_HOST", address
        yield f"{name}_SERVICE_PORT", str(port)
        yield f"{name}_PORT", f"tcp://{address}:{port}"
