"""dcgm-exporter's default fields: its names, types, labels and units (MHz, C, W, mJ, MiB, %).

`source` is the metric of ours that a field is worked out from.
"""

from catalog import gpu, gpu_board, gpu_clocks, gpu_engines, gpu_gpm, gpu_license, gpu_pcie
from catalog.foreign import Foreign, foreign
from catalog.gpu_repair import GPU_REMAPPED_ROWS, GPU_REMAPPED_ROWS_FAILED
from catalog.metrics import Kind, Metric

LABELS = (
    "gpu",
    "UUID",
    "pci_bus_id",
    "device",
    "modelName",
    "GPU_I_PROFILE",
    "GPU_I_ID",
    "Hostname",
    "hostname",
    "DCGM_FI_DRIVER_VERSION",
    "hpc_job",
    "namespace",
    "pod",
    "container",
)
"""`Hostname` became `hostname` in 2026; dashboards ask for either."""

XID_LABELS = (*LABELS, "err_code", "err_msg")


def _field(
    name: str,
    text: str,
    source: Metric,
    kind: Kind = Kind.GAUGE,
    labels: tuple[str, ...] = LABELS,
) -> Foreign:
    return foreign(f"DCGM_FI_{name}", kind, text, labels=labels, source=source.name)


_PCIE, _NVLINK = gpu_gpm.GPU_PCIE_THROUGHPUT, gpu_gpm.GPU_NVLINK_THROUGHPUT

SM_CLOCK = _field("DEV_SM_CLOCK", "Clock of the SMs, MHz.", gpu_clocks.GPU_CLOCK)
MEM_CLOCK = _field("DEV_MEM_CLOCK", "Clock of the memory, MHz.", gpu_clocks.GPU_CLOCK)
MEMORY_TEMP = _field(
    "DEV_MEMORY_TEMP", "Temperature of the memory, C.", gpu_board.GPU_MEMORY_TEMPERATURE
)
GPU_TEMP = _field("DEV_GPU_TEMP", "Temperature of the die, C.", gpu.GPU_TEMPERATURE)
POWER_USAGE = _field("DEV_POWER_USAGE", "Power draw, W.", gpu.GPU_POWER)
ENERGY = _field(
    "DEV_TOTAL_ENERGY_CONSUMPTION", "Energy used, mJ.", gpu.GPU_ENERGY, kind=Kind.COUNTER
)
PCIE_REPLAY = _field(
    "DEV_PCIE_REPLAY_COUNTER", "PCIe retries.", gpu_pcie.GPU_PCIE_REPLAYS, kind=Kind.COUNTER
)
GPU_UTIL = _field("DEV_GPU_UTIL", "Utilisation, percent.", gpu.GPU_UTILIZATION)
MEM_COPY_UTIL = _field(
    "DEV_MEM_COPY_UTIL", "Utilisation of the memory, percent.", gpu.GPU_MEMORY_COPY_UTILIZATION
)
ENC_UTIL = _field(
    "DEV_ENC_UTIL", "Utilisation of the encoder, percent.", gpu_engines.GPU_ENGINE_UTILIZATION
)
DEC_UTIL = _field(
    "DEV_DEC_UTIL", "Utilisation of the decoder, percent.", gpu_engines.GPU_ENGINE_UTILIZATION
)
XID_ERRORS = _field(
    "DEV_XID_ERRORS",
    "The last Xid since the boot, 0 where there was none. It stays, and a second one of the same "
    f"code changes nothing: count by {gpu.GPU_XID_ERRORS.name}.",
    gpu.GPU_XID_LAST_TIMESTAMP,
    labels=XID_LABELS,
)
FB_FREE = _field("DEV_FB_FREE", "Framebuffer memory free, MiB.", gpu.GPU_MEMORY_FREE)
FB_USED = _field("DEV_FB_USED", "Framebuffer memory used, MiB.", gpu.GPU_MEMORY_USED)
FB_RESERVED = _field(
    "DEV_FB_RESERVED", "Framebuffer memory reserved, MiB.", gpu.GPU_MEMORY_RESERVED
)
UNCORRECTABLE_ROWS = _field(
    "DEV_UNCORRECTABLE_REMAPPED_ROWS",
    "Rows remapped for uncorrectable errors.",
    GPU_REMAPPED_ROWS,
    kind=Kind.COUNTER,
)
CORRECTABLE_ROWS = _field(
    "DEV_CORRECTABLE_REMAPPED_ROWS",
    "Rows remapped for correctable errors.",
    GPU_REMAPPED_ROWS,
    kind=Kind.COUNTER,
)
ROW_REMAP_FAILURE = _field(
    "DEV_ROW_REMAP_FAILURE", "Whether a row could not be remapped.", GPU_REMAPPED_ROWS_FAILED
)
NVLINK_BANDWIDTH = _field(
    "DEV_NVLINK_BANDWIDTH_TOTAL",
    "NVLink traffic both ways, MB/s: a rate, though dcgm-exporter declares a counter.",
    _NVLINK,
    kind=Kind.COUNTER,
)
VGPU_LICENSE = _field(
    "DEV_VGPU_LICENSE_STATUS", "Whether a vGPU has its licence.", gpu_license.GPU_VGPU_LICENSE
)
GR_ENGINE_ACTIVE = _field(
    "PROF_GR_ENGINE_ACTIVE", "Share of time the engine was active.", gpu_gpm.GPU_GRAPHICS_ACTIVE
)
PIPE_TENSOR_ACTIVE = _field(
    "PROF_PIPE_TENSOR_ACTIVE", "Share of time tensor cores worked.", gpu_gpm.GPU_TENSOR_ACTIVE
)
DRAM_ACTIVE = _field(
    "PROF_DRAM_ACTIVE", "Share of time the memory was active.", gpu_gpm.GPU_DRAM_ACTIVE
)
PCIE_TX_BYTES = _field("PROF_PCIE_TX_BYTES", "Sent over PCIe, bytes a second.", _PCIE)
PCIE_RX_BYTES = _field("PROF_PCIE_RX_BYTES", "Received over PCIe, bytes a second.", _PCIE)

DCGM: tuple[Foreign, ...] = (
    SM_CLOCK,
    MEM_CLOCK,
    MEMORY_TEMP,
    GPU_TEMP,
    POWER_USAGE,
    ENERGY,
    PCIE_REPLAY,
    GPU_UTIL,
    MEM_COPY_UTIL,
    ENC_UTIL,
    DEC_UTIL,
    XID_ERRORS,
    FB_FREE,
    FB_USED,
    FB_RESERVED,
    NVLINK_BANDWIDTH,
    VGPU_LICENSE,
    UNCORRECTABLE_ROWS,
    CORRECTABLE_ROWS,
    ROW_REMAP_FAILURE,
    GR_ENGINE_ACTIVE,
    PIPE_TENSOR_ACTIVE,
    DRAM_ACTIVE,
    PCIE_TX_BYTES,
    PCIE_RX_BYTES,
)
