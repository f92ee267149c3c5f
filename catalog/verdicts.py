"""What may be done about a fault: four verdicts, from looking to moving the pods away."""

from enum import IntEnum


class Verdict(IntEnum):
    """Ordered by harm; the worst verdict among a node's active faults is the one that counts."""

    OBSERVE = 0
    """Condition only."""
    AVOID = 1
    """Condition and a PreferNoSchedule taint; the scheduler scores the node lower."""
    CORDON = 2
    """Condition and a NoSchedule taint; the scheduler refuses the node."""
    DRAIN = 3
    """As cordon, and the drainer moves the pods away."""

    @property
    def label(self) -> str:
        """The verdict as it stands in alert labels, flags and taint values."""
        return self.name.lower()

    @property
    def taint_effect(self) -> str | None:
        """The effect of the node taint this verdict asks for, None where it asks for none."""
        return (None, "PreferNoSchedule", "NoSchedule", "NoSchedule")[self]

    @classmethod
    def parse(cls, text: str) -> "Verdict":
        """Return the verdict of this name; ValueError names the valid ones."""
        for verdict in cls:
            if verdict.label == text:
                return verdict
        raise ValueError(
            f"unknown verdict {text!r}: expected one of {', '.join(v.label for v in cls)}"
        )
