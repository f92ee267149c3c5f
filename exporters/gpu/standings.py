"""How each facility stands on the GPUs of a node together."""

from collections.abc import Sequence

from catalog.gpu_state import GpuState
from exporters.facility import Cycle, End, State
from exporters.gpu.card import Card
from exporters.ledger import Record, Standing, state_after
from exporters.moment import Moment
from exporters.registry import GPU

_CERTAIN = (GpuState.LOST, GpuState.RESET_REQUIRED, GpuState.MISSING)
"""States of a GPU that does not answer for which there is evidence beside its silence."""

_WORST_FIRST = (State.FAILED, State.OK, State.ABSENT)


def standing(
    name: str, cards: Sequence[Card], inventory: Cycle | None, held: str, now: Moment
) -> Standing:
    """Return how a facility stands on the GPUs that answer; the others do not count."""
    answering = [card.ledger.records[name] for card in cards if card.answers(now)]
    record = _worst(answering) or Record(state=silence(cards, inventory, held))
    heard = [card.ledger.records[name] for card in cards]
    ages = [age for one in heard if (age := one.age(now)) is not None]
    return Standing(
        family=GPU.name,
        facility=name,
        state=record.state,
        age=min(ages, default=None),
        seconds=max((one.seconds for one in heard if one.seconds is not None), default=None),
        problem=record.problem or _problem(record.state, inventory, held),
    )


def _worst(records: list[Record]) -> Record | None:
    """Return a failed record, else one that is well, else one with nothing to read."""
    return min(records, key=lambda r: _WORST_FIRST.index(r.state), default=None)


def silence(cards: Sequence[Card], inventory: Cycle | None, held: str) -> State:
    """Return how a facility stands where no GPU answers."""
    ours = [card for card in cards if card.state is not GpuState.NOT_MANAGED]
    if held:
        return State.ABSENT
    if inventory is None:
        return State.STARTING
    if inventory.end is End.ABSENT or not ours:
        return state_after(inventory.end)
    if any(card.state is None for card in ours):
        return State.STARTING
    hung = any(card.hangs for card in ours)
    return State.HUNG if hung else State.FAILED


def _problem(state: State, inventory: Cycle | None, held: str) -> str:
    if state in (State.OK, State.STARTING):
        return ""
    return held or (inventory.problem if inventory else "")


def is_certain(cards: Sequence[Card]) -> bool:
    """Whether the state of a GPU that does not answer is known for certain."""
    return any(card.state in _CERTAIN for card in cards)
