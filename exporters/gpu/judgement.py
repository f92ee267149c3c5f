"""What state a GPU is in, and whether the fault is the driver's: decided from signs, pure.

A GPU is lost only on evidence: the driver says so, its configuration space reads all ones, or Xid
79 was logged since it last answered. Silence alone is a hang, and where it is the silence of every
GPU it is the driver's: a lock, a firmware time-out or a stale library hits them all at once.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from catalog.gpu_state import DriverState, GpuState
from exporters.facility import End


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """What is known of one GPU."""

    end: End | None = None
    """How its last cycle ended; None before the first."""
    fresh: bool = False
    """Whether it answered a whole cycle since another one could have hung."""
    on_bus: bool = True
    """False where the bus can be listed and the GPU is not on it."""
    bound: bool = True
    """False where another driver has it, or none."""
    listed: bool = True
    """False where the driver's whole list does not have it."""
    all_ones: bool = False
    """Whether its configuration space was seen to read all ones."""
    fell: bool = False
    """Whether Xid 79 was logged since it last answered, or was reset."""


_EVIDENT = (GpuState.LOST, GpuState.NOT_MANAGED, GpuState.RESET_REQUIRED)
_ANSWERED = {End.OK: GpuState.OK, End.RESET_REQUIRED: GpuState.RESET_REQUIRED}


def own_state(signs: Signs) -> GpuState | None:
    """Return the state of a GPU by its own signs, None while there is none to go by."""
    if not signs.on_bus:
        return GpuState.MISSING
    if not signs.bound or signs.end is End.NOT_MANAGED:
        return GpuState.NOT_MANAGED
    answered = _ANSWERED.get(signs.end or End.HUNG)
    return answered if answered and (signs.fresh or signs.listed) else _silent_state(signs)


def _silent_state(signs: Signs) -> GpuState | None:
    if signs.end is None and not signs.all_ones:
        return None  # nobody asked it yet: it may long have been reset, though the log has the fall
    if signs.end is End.LOST or signs.all_ones or signs.fell:
        return GpuState.LOST
    if not signs.listed:
        return GpuState.MISSING
    return GpuState.HUNG if signs.end is End.HUNG else GpuState.UNREADABLE


def is_evident(signs: Signs) -> bool:
    """Whether the state is this GPU's own beyond doubt, whatever the driver does."""
    return not signs.on_bus or own_state(signs) in _EVIDENT


def shown_state(signs: Signs, driver: DriverState | None) -> GpuState | None:
    """Return the state that a GPU is shown in, with the driver in this one."""
    own = own_state(signs)
    if driver in (None, DriverState.OK) or own is None or signs.fresh or is_evident(signs):
        return own
    return GpuState.UNREADABLE


def driver_state(
    gpus: Iterable[Signs], inventory: End | None, *, present: bool = True, held: bool = False
) -> DriverState | None:
    """Return how the driver stands, None before anything was heard, or where it has nothing to do.

    `inventory` is how the last question for the list of GPUs ended: OK as soon as the driver told
    how many there are. `present` is whether there is a GPU that it could have.
    """
    known = tuple(gpus)
    if held:
        return DriverState.HELD
    if inventory is None:
        return None
    if inventory is End.ABSENT:
        return DriverState.ABSENT if present else None
    if End.MISMATCH in (inventory, *(one.end for one in known)):
        return DriverState.VERSION_MISMATCH
    return _by_silence(known, inventory)


def _by_silence(gpus: tuple[Signs, ...], inventory: End) -> DriverState:
    doubtful = [one for one in gpus if not is_evident(one)]
    if any(one.fresh for one in gpus):
        return DriverState.OK
    ends = {one.end for one in doubtful}
    answers = inventory in (End.OK, End.RESET_REQUIRED)
    if answers and len(doubtful) <= 1:
        return DriverState.OK  # the one that is silent, if there is one, is so by itself
    if End.HUNG in ends or inventory is End.HUNG:
        return DriverState.HUNG
    failed = ends.isdisjoint({None, *_ANSWERED})
    return DriverState.FAILING if failed or not answers else DriverState.OK
