"""The node conditions railwatch writes: states that are bad when True and blind when Unknown."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One condition type and the taint that goes with it."""

    type: str
    scopes: tuple[str, ...]
    meaning: str

    @property
    def taint(self) -> str:
        """The taint's name under the key prefix: the type in kebab-case."""
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", self.type).lower()


GPU_UNAVAILABLE = Condition(
    type="GpuUnavailable",
    scopes=("gpu", "node"),
    meaning="A GPU fell off the bus, is lost or missing, or the driver hangs.",
)
GPU_MEMORY_FAULT = Condition(
    type="GpuMemoryFault",
    scopes=("gpu",),
    meaning="GPU memory is damaged: uncorrectable ECC, uncontained errors, failed row remaps.",
)
GPU_RESET_REQUIRED = Condition(
    type="GpuResetRequired", scopes=("gpu",), meaning="The driver asks for a reset of the GPU."
)
GPU_INTERCONNECT_FAULT = Condition(
    type="GpuInterconnectFault",
    scopes=("gpu", "node"),
    meaning="NVLink, NVSwitch or the fabric manager fails.",
)
GPU_DEGRADED = Condition(
    type="GpuDegraded", scopes=("gpu",), meaning="The GPU works, but slower than its peers."
)
RDMA_LINK_DOWN = Condition(
    type="RdmaLinkDown", scopes=("nic",), meaning="A port that should be active is not."
)
RDMA_LINK_DEGRADED = Condition(
    type="RdmaLinkDegraded", scopes=("link",), meaning="A link flaps, errs or runs below its rate."
)
RDMA_CONGESTED = Condition(
    type="RdmaCongested", scopes=("nic",), meaning="A port is held up by pauses or drops."
)
FABRIC_FAULT = Condition(
    type="FabricFault",
    scopes=("domain",),
    meaning="Many nodes behind one leaf or rail fail together: the switch, not the nodes.",
)
UPLINK_DEGRADED = Condition(
    type="UplinkDegraded",
    scopes=("line",),
    meaning="The dedicated line of this node's site is saturated, lossy, slow or down.",
)
ACCELERATORS_UNVERIFIED = Condition(
    type="AcceleratorsUnverified",
    scopes=("node",),
    meaning="A new or rebooted node whose devices are not yet proven complete and healthy.",
)

CONDITIONS: tuple[Condition, ...] = (
    GPU_UNAVAILABLE,
    GPU_MEMORY_FAULT,
    GPU_RESET_REQUIRED,
    GPU_INTERCONNECT_FAULT,
    GPU_DEGRADED,
    RDMA_LINK_DOWN,
    RDMA_LINK_DEGRADED,
    RDMA_CONGESTED,
    FABRIC_FAULT,
    UPLINK_DEGRADED,
    ACCELERATORS_UNVERIFIED,
)
BY_TYPE = {condition.type: condition for condition in CONDITIONS}
