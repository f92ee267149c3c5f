"""Metrics of a GPU's own PCIe link."""

from catalog.gpu import DEVICE
from catalog.metrics import Metric, counter, gauge

GPU_PCIE_GENERATION = gauge(
    "railwatch_gpu_pcie_link_generation",
    "PCIe generation the link runs at now; it falls while the GPU idles.",
    labels=DEVICE,
    source="nvmlDeviceGetCurrPcieLinkGeneration",
)
GPU_PCIE_GENERATION_MAX = gauge(
    "railwatch_gpu_pcie_link_max_generation",
    "Highest PCIe generation that GPU and slot have in common.",
    labels=DEVICE,
    source="nvmlDeviceGetMaxPcieLinkGeneration",
)
GPU_PCIE_LANES = gauge(
    "railwatch_gpu_pcie_link_lanes",
    "Lanes the link runs on now.",
    labels=DEVICE,
    source="nvmlDeviceGetCurrPcieLinkWidth",
)
GPU_PCIE_LANES_MAX = gauge(
    "railwatch_gpu_pcie_link_max_lanes",
    "Most lanes that GPU and slot have in common.",
    labels=DEVICE,
    source="nvmlDeviceGetMaxPcieLinkWidth",
)
GPU_PCIE_REPLAYS = counter(
    "railwatch_gpu_pcie_replays_total",
    "Packets sent again over the link since the driver was loaded.",
    labels=DEVICE,
    source="field NVML_FI_DEV_PCIE_REPLAY_COUNTER",
)
GPU_PCIE_RECOVERIES = counter(
    "railwatch_gpu_pcie_recoveries_total",
    "Times the running link had to be trained again.",
    labels=DEVICE,
    source="field NVML_FI_DEV_PCIE_L0_TO_RECOVERY_COUNTER",
)
GPU_PCIE_ERRORS = counter(
    "railwatch_gpu_pcie_errors_total",
    "Errors of the link by kind: correctable, non_fatal, fatal, unsupported_request, receiver, "
    "bad_tlp, bad_dllp, lcrc, naks_sent, naks_received, replay_rollover, lane (of all lanes). One "
    "event may count in several kinds.",
    labels=(*DEVICE, "kind"),
    source="fields NVML_FI_DEV_PCIE_COUNT_*, _PCIE_REPLAY_ROLLOVER_COUNTER",
)
_WIDE = (
    "Only once either direction is beyond 32 bits, which proves that the driver's counters do not "
    "wrap there; GPM's rates are there before."
)
GPU_PCIE_TRANSMITTED = counter(
    "railwatch_gpu_pcie_transmitted_bytes_total",
    f"Sent over the link by the GPU. {_WIDE}",
    labels=DEVICE,
    unit="bytes",
    source="field NVML_FI_DEV_PCIE_COUNT_TX_BYTES",
)
GPU_PCIE_RECEIVED = counter(
    "railwatch_gpu_pcie_received_bytes_total",
    f"Received over the link by the GPU. {_WIDE}",
    labels=DEVICE,
    unit="bytes",
    source="field NVML_FI_DEV_PCIE_COUNT_RX_BYTES",
)

METRICS: tuple[Metric, ...] = (
    GPU_PCIE_GENERATION,
    GPU_PCIE_GENERATION_MAX,
    GPU_PCIE_LANES,
    GPU_PCIE_LANES_MAX,
    GPU_PCIE_REPLAYS,
    GPU_PCIE_RECOVERIES,
    GPU_PCIE_ERRORS,
    GPU_PCIE_TRANSMITTED,
    GPU_PCIE_RECEIVED,
)
