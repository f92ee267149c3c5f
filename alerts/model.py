"""What an alert is: a value that judges, explains and tests itself."""

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto

from alerts.devices import Device
from alerts.evidence import Evidence
from alerts.promql import Series
from catalog.faults import Fault, Recovery
from catalog.labels import SEVERITIES


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A figure that users may set; `$name` stands for it in the expression and the texts.

    `source` says where the default is from: a document, a practice, or that it is our own guess.
    """

    name: str
    default: float | timedelta
    meaning: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What shows that the fault is gone: evidence that holds all through the soak.

    `subject` names the devices the proof is about, by their identity label; the rest of the
    evidence is joined to it. `facilities` are the collectors, as `family/facility`, that alert and
    proof read: where one is not observed the fault is blind, and nothing is proven.
    """

    soak: timedelta
    subject: Evidence
    evidence: tuple[Evidence, ...] = ()
    facilities: tuple[str, ...]


class Moment(Enum):
    """A value that depends on when things happen in a scenario."""

    FAULT = auto()
    """The time at which the fault came, in Unix seconds."""
    RECOVERY = auto()
    """The time at which it was repaired."""
    STAYS = auto()
    """The last value of the phase before."""
    GONE = auto()
    """No sample: the series has ended."""


BOOTED = 1.0
"""When the node of a scenario booted: a second into it, as time begins at 0 and 0 means never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class At:
    """A threshold's value and something on top, so that a scenario follows what users set."""

    threshold: str
    plus: float = 0.0
    times: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rising:
    """A counter that goes on from here and counts one more event at each scrape.

    Without a start it goes on from where it stood; with a rate it counts so many a second.
    """

    start: At | float | None = None
    rate: At | float | None = None


Value = float | Moment | At | Rising


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One series of a scenario in each of its phases; a phase not given is as when healthy."""

    series: Series
    healthy: Value
    below: Value | None = None
    """Just not bad enough."""
    faulty: Value | None = None
    recovered: Value | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One way in which the fault shows, told by the series that alert and proof read."""

    name: str
    signals: tuple[Signal, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert: the bridge acts on it where it has a fault, else it is for people.

    `expr` and the texts may contain `$threshold`, the texts also the labels of the device. `hold`
    is the rule's `for`. An alert without scenarios is one that always fires.
    """

    name: str
    device: Device
    expr: str
    needs_fleet: bool = False
    """Whether it compares nodes, so that only a Prometheus that has all of them can judge."""
    reads: tuple[str, ...] = ()
    """Collectors, as `family/facility`, that the expression asks to be observed."""
    notices: timedelta = timedelta(0)
    """How long the expression takes to see what has happened: the window of its rate."""
    hold: timedelta = timedelta(0)
    keep_firing_for: timedelta = timedelta(0)
    severity: str
    summary: str
    description: str
    """Names the next step."""
    why: str
    first_step: str
    fault: Fault | None = None
    proof: Proof | None = None
    thresholds: tuple[Threshold, ...] = ()
    scenarios: tuple[Scenario, ...] = ()

    def __post_init__(self) -> None:
        """Refuse an alert that the bridge could not act on, at import and so in every test."""
        if self.severity not in SEVERITIES:
            raise ValueError(f"{self.name}: severity {self.severity} is none of {SEVERITIES}")
        if (self.fault is None) != (self.proof is None):
            raise ValueError(f"{self.name}: fault and proof go together")
        if self.fault and self.device.is_wide and self.fault.recovery is not Recovery.NONE:
            raise ValueError(f"{self.name}: a {self.fault.scope} is not reset or rebooted")
        if self.fault and self.fault.name != self.name:
            raise ValueError(f"{self.name}: its fault is called {self.fault.name}")

    @property
    def recovery(self) -> Recovery:
        """What must have happened since the fault before any proof counts."""
        return self.fault.recovery if self.fault else Recovery.NONE
