"""A kubelet's pod-resources API on a unix socket: who holds which device.

A real gRPC server (grpcio) and real protocol buffers (Google's library), so that what speaks to it
is tested against another's reading of both formats. It can be restarted, hang, and answer nonsense.
"""

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

SOCKET = "kubelet.sock"
SERVICE = "v1.PodResourcesLister"

_LENGTH_LIMIT = ("grpc.max_send_message_length", 256 << 20)

_Field = tuple[str, int, str]
"""Name, number, type: `string`, or a message's name; `*` after it where it is repeated."""

_MESSAGES: Mapping[str, Sequence[_Field]] = {
    "NUMANode": [("ID", 1, "int64")],
    "TopologyInfo": [("nodes", 1, "NUMANode*")],
    "CDIDevice": [("name", 1, "string")],
    "ClaimResource": [
        ("cdi_devices", 1, "CDIDevice*"),
        ("driver_name", 2, "string"),
        ("pool_name", 3, "string"),
        ("device_name", 4, "string"),
    ],
    "DynamicResource": [
        ("claim_name", 2, "string"),
        ("claim_namespace", 3, "string"),
        ("claim_resources", 4, "ClaimResource*"),
    ],
    "ContainerMemory": [("memory_type", 1, "string"), ("size", 2, "uint64")],
    "ContainerDevices": [
        ("resource_name", 1, "string"),
        ("device_ids", 2, "string*"),
        ("topology", 3, "TopologyInfo"),
    ],
    "ContainerResources": [
        ("name", 1, "string"),
        ("devices", 2, "ContainerDevices*"),
        ("cpu_ids", 3, "int64*"),
        ("memory", 4, "ContainerMemory*"),
        ("dynamic_resources", 5, "DynamicResource*"),
    ],
    "PodResources": [
        ("name", 1, "string"),
        ("namespace", 2, "string"),
        ("containers", 3, "ContainerResources*"),
    ],
    "ListPodResourcesResponse": [("pod_resources", 1, "PodResources*")],
    "AllocatableResourcesResponse": [
        ("devices", 1, "ContainerDevices*"),
        ("cpu_ids", 2, "int64*"),
        ("memory", 3, "ContainerMemory*"),
    ],
}
"""The messages of the kubelet's podresources/v1/api.proto, as far as a container's devices go."""


def _classes() -> dict[str, Any]:
    kinds = descriptor_pb2.FieldDescriptorProto
    scalars = {"string": kinds.TYPE_STRING, "int64": kinds.TYPE_INT64, "uint64": kinds.TYPE_UINT64}
    described = descriptor_pb2.FileDescriptorProto(
        name="podresources.proto", package="v1", syntax="proto3"
    )
    for name, members in _MESSAGES.items():
        message = described.message_type.add(name=name)
        for member, number, kind in members:
            bare = kind.removesuffix("*")
            made = message.field.add(name=member, number=number)
            made.label = kinds.LABEL_REPEATED if kind.endswith("*") else kinds.LABEL_OPTIONAL
            made.type = scalars.get(bare, kinds.TYPE_MESSAGE)
            if bare not in scalars:
                made.type_name = f".v1.{bare}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(described)
    found = {name: pool.FindMessageTypeByName(f"v1.{name}") for name in _MESSAGES}
    return {name: message_factory.GetMessageClass(kind) for name, kind in found.items()}


MESSAGES = _classes()
"""Google's own classes for the messages, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A device given through dynamic resource allocation."""

    device: str
    driver: str = "gpu.nvidia.com"
    pool: str = "node-1"
    name: str = "claim"


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A container and the ids of its devices by resource."""

    name: str = "main"
    devices: Mapping[str, Sequence[str]] = field(default_factory=dict)
    claims: Sequence[Claim] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """A pod, as the kubelet lists it."""

    name: str
    namespace: str = "default"
    containers: Sequence[Container] = ()


def gpu_pod(name: str, *ids: str, resource: str = "nvidia.com/gpu") -> Pod:
    """Return a pod of one container that holds these devices."""
    return Pod(name=name, containers=(Container(devices={resource: ids}),))


def list_response(pods: Sequence[Pod]) -> bytes:
    """Return the answer to `List`."""
    answer = MESSAGES["ListPodResourcesResponse"]()
    for pod in pods:
        told = answer.pod_resources.add(name=pod.name, namespace=pod.namespace)
        for container in pod.containers:
            _fill(told.containers.add(name=container.name, cpu_ids=[0, 1]), container)
    encoded: bytes = answer.SerializeToString()
    return encoded


def _fill(told: Any, container: Container) -> None:
    told.memory.add(memory_type="memory", size=1 << 30)
    for resource, ids in container.devices.items():
        told.devices.add(resource_name=resource, device_ids=ids, topology={"nodes": [{"ID": 1}]})
    for claim in container.claims:
        told.dynamic_resources.add(
            claim_name=claim.name,
            claim_namespace="default",
            claim_resources=[
                {
                    "cdi_devices": [{"name": f"k8s.{claim.driver}/claim=1-{claim.device}"}],
                    "driver_name": claim.driver,
                    "pool_name": claim.pool,
                    "device_name": claim.device,
                }
            ],
        )


def allocatable_response(devices: Mapping[str, Sequence[str]]) -> bytes:
    """Return the answer to `GetAllocatableResources`: one entry a device, as the kubelet does."""
    answer = MESSAGES["AllocatableResourcesResponse"](cpu_ids=[0, 1])
    for resource, ids in devices.items():
        for one in ids:
            answer.devices.add(resource_name=resource, device_ids=[one])
    encoded: bytes = answer.SerializeToString()
    return encoded


class SimulatedKubelet:
    """The API, served from `with` to its end; `pods` and `allocatable` can change meanwhile."""

    def __init__(self, directory: Path) -> None:
        """Take the directory that the socket is to stand in."""
        self.directory = directory
        self.pods: Sequence[Pod] = ()
        self.allocatable: Mapping[str, Sequence[str]] = {}
        self.raw: bytes | None = None
        """Bytes that `List` answers in place of the pods."""
        self.fail = ""
        """Why `List` answers RESOURCE_EXHAUSTED, as a kubelet does that is asked too often."""
        self._go = threading.Event()
        self._go.set()
        self._server: grpc.Server | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return self.directory / SOCKET

    def start(self) -> None:
        """Listen on a new socket."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self.socket.unlink(missing_ok=True)
        server = grpc.server(ThreadPoolExecutor(max_workers=8), options=(_LENGTH_LIMIT,))
        handlers = {"List": self._list, "GetAllocatableResources": self._allocatable}
        methods: dict[str, Any] = {
            name: grpc.unary_unary_rpc_method_handler(handler) for name, handler in handlers.items()
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, methods),))
        server.add_insecure_port(f"unix:{self.socket}")
        server.start()
        self._server = server

    def stop(self) -> None:
        """End, and take the socket away."""
        self._go.set()
        if self._server is not None:
            self._server.stop(grace=None).wait()
            self._server = None
        self.socket.unlink(missing_ok=True)

    def hang(self) -> None:
        """Answer no call until `resume`."""
        self._go.clear()

    def resume(self) -> None:
        """Answer again, also those that waited."""
        self._go.set()

    def _list(self, _request: bytes, context: grpc.ServicerContext) -> bytes:
        self._go.wait()
        if self.fail:
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, self.fail)
        return list_response(self.pods) if self.raw is None else self.raw

    def _allocatable(self, _request: bytes, _context: grpc.ServicerContext) -> bytes:
        self._go.wait()
        return allocatable_response(self.allocatable)
