"""Every other exporter whose names railwatch can add, with what its users should know."""

from catalog import compat
from catalog.compat_dcgm import DCGM
from catalog.compat_node_exporter import NODE_EXPORTER
from catalog.foreign import Foreign
from catalog.gpu import GPU_XID_ERRORS
from catalog.gpu_allocation import GPU_ALLOCATION

_DCGM = f"""dcgm-exporter's default fields, labels and units: NVIDIA's dashboard (12239) fills.

- `Hostname` and `hostname` are the same: it was renamed, and dashboards ask for either.
- The pod's labels stand on a device that exactly one pod holds. dcgm-exporter gives a shared one to
  any of its pods, or copies its whole value to each; here it is one series, so that sums over GPUs
  are true, and `{GPU_ALLOCATION.name}` gives each pod its part.
- A device that several batch jobs use is copied for each, as dcgm-exporter does.
- Under MIG what belongs to an instance carries `GPU_I_ID` and `GPU_I_PROFILE`; what the card has
  once, such as its power, is told once, without them.
- `DCGM_FI_DEV_XID_ERRORS` is the last Xid since the boot. It never clears, and hides a second one
  of the same code: alert on `{GPU_XID_ERRORS.name}`.
- `DCGM_FI_PROF_*` and the NVLink bandwidth come from GPM, so from Hopper on.
- OpenMetrics knows no counter without `_total`: there such fields are of type `unknown`.
"""

_NODE_EXPORTER = "node_exporter's infiniband collector.\n"

FOREIGN: tuple[tuple[str, str, tuple[Foreign, ...]], ...] = (
    (compat.DCGM, _DCGM, DCGM),
    (compat.NODE_EXPORTER, _NODE_EXPORTER, NODE_EXPORTER),
)
