"""A post: one thing to be read, held by at most one worker at a time.

Pure: it is told what happened and when, and says what to do. A worker that does not answer in time
is asked to end, then killed; its successor begins only once it is reaped, which a worker caught in
the kernel is not until the call it is in returns.

Two kinds of failure, two ways to try again. A worker that was told why it cannot read comes back
after a wait that doubles. One that hung has a successor at once, with twice the patience: nothing
sees the device's return sooner than a call that waits for it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from exporters.facility import ATTACHED, Cycle, End, Outcome
from exporters.frames import Message
from exporters.moment import Moment

Target = Mapping[str, str | int]
"""What a worker is to open, in its family's own words."""

Fold = Callable[[Cycle, Moment], None]


class Action(Enum):
    """What is to be done for a post now."""

    START = auto()
    ORDER = auto()
    TERMINATE = auto()
    KILL = auto()


def _always() -> bool:
    return True


class _Phase(Enum):
    VACANT = auto()
    BUSY = auto()
    IDLE = auto()
    ENDING = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long a worker may take, in seconds."""

    epoch: float
    """When orders began, on the monotonic clock; they come at whole periods after it."""
    period: float
    """From one order to the next."""
    cycle: float
    """For one cycle, once the device is open."""
    group: float
    """For the calls of one facility within it."""
    attach: float = 120.0
    """To open the device: a driver that has been idle may take a minute and more."""
    retry: float
    """Before the first new try after a failure; it doubles with each further one."""
    retry_limit: float
    """The longest wait, and the longest patience with a cycle of a device that hung."""
    awaited: bool = True
    """Whether snapshots wait a little for a cycle under way: not for one of many seconds."""
    grace: float = 1.0
    """Between asking a worker to end and killing it."""

    @classmethod
    def of(cls, interval: float, epoch: float, *, intervals: int = 1) -> "Pace":
        """Return the pace that goes with `--interval`, of one order in so many intervals.

        A cycle may take two intervals, one facility of it one, each at least 2 s, so that a busy
        machine is not taken for a hung device, and at most 30 and 15 s.
        """
        return cls(
            epoch=epoch,
            period=intervals * interval,
            cycle=min(max(2 * interval, 2.0), 30.0),
            group=min(max(interval, 2.0), 15.0),
            retry=interval,
            retry_limit=12 * interval,
        )

    def delay(self, failures: int) -> float:
        """Return the wait before the next try after this many failures in a row."""
        return min(self.retry * 2.0 ** min(failures - 1, 30), self.retry_limit)

    def patience(self, seconds: float, hangs: int) -> float:
        """Return how long to wait for what may take so many seconds, after hangs in a row."""
        return max(min(seconds * 2.0 ** min(hangs, 30), self.retry_limit), seconds)


class Post:
    """The post's state; `step`, `received` and `ended` drive it."""

    def __init__(  # noqa: PLR0913 - what a post is, all by keyword
        self,
        *,
        key: str,
        family: str,
        target: Callable[[], Target],
        order: tuple[str, ...],
        pace: Pace,
        fold: Fold,
        lasting: bool = True,
        wanted: Callable[[], bool] = _always,
    ) -> None:
        """Take what to open, the facilities in the order they are read, and where cycles go.

        While it is not `wanted` the post stands empty: its worker is ended, as in a failure, but
        nothing is told of it.
        """
        self.key = key
        self.family = family
        self.target = target
        self.ends = {End.HUNG: 0, End.DIED: 0}
        self._order = order
        self.pace = pace
        self._fold = fold
        self._lasting = lasting
        self._wanted = wanted
        self._phase = _Phase.VACANT
        self._attached = False
        self._pending: list[Outcome] = []
        self._failures = 0
        self._hangs = 0
        """Failures, and hangs among them, since the last answer."""
        self._due = 0.0
        self._limit = 0.0
        """When the whole cycle has to be over."""

    @property
    def wake(self) -> float:
        """When `step` will next have something to do, on the monotonic clock."""
        idle = self._phase is _Phase.VACANT and not self._wanted()
        return float("inf") if idle else self._due

    @property
    def reading(self) -> bool:
        """Whether a cycle is under way on an open device, and worth a snapshot's waiting for it."""
        return self._phase is _Phase.BUSY and self._attached and self.pace.awaited

    def step(self, now: Moment) -> Action | None:
        """Say what is to be done now."""
        if self._phase is not _Phase.ENDING and not self._wanted():
            return self._dismiss(now)
        if now.mono < self._due:
            return None
        match self._phase:
            case _Phase.VACANT:
                return self._start(now)
            case _Phase.IDLE:
                self._phase, self._pending = _Phase.BUSY, []
                self._allow_cycle(now)
                return Action.ORDER
            case _Phase.BUSY:
                return self._overdue(now)
            case _Phase.ENDING:
                self._due = float("inf")
                return Action.KILL

    def _start(self, now: Moment) -> Action:
        self._phase, self._pending, self._attached = _Phase.BUSY, [], False
        self._due = self._limit = now.mono + self.pace.attach
        return Action.START

    def _dismiss(self, now: Moment) -> Action | None:
        """End the worker of a post that is not wanted; what it was at counts for nothing."""
        self._failures = self._hangs = 0
        if self._phase is _Phase.VACANT:
            return None
        self._phase, self._due = _Phase.ENDING, now.mono + self.pace.grace
        return Action.TERMINATE

    def _allow_cycle(self, now: Moment) -> None:
        self._limit = now.mono + self.pace.patience(self.pace.cycle, self._hangs)
        self._allow_group(now)

    def _allow_group(self, now: Moment) -> None:
        patience = self.pace.patience(self.pace.group, self._hangs)
        self._due = min(self._limit, now.mono + patience)

    def excuse(self, seconds: float) -> None:
        """Take that the program itself stood still: so, as like as not, did the worker."""
        if self._phase in (_Phase.BUSY, _Phase.ENDING):
            self._due += seconds
            self._limit += seconds

    def hasten(self, now: Moment) -> None:
        """Take a sign that the device is back: no wait, and no patience with what hung before."""
        self._failures = self._hangs = 0
        if self._phase is _Phase.VACANT:
            self._due = min(self._due, now.mono)
        elif self.reading:
            self._due = min(self._due, now.mono + self.pace.cycle)

    def _overdue(self, now: Moment) -> Action:
        self._leave(now)
        self._hangs += 1
        self._finish(End.HUNG, f"no answer from {self._current()}", now)
        return Action.TERMINATE

    def _current(self) -> str:
        if not self._attached:
            return "the device when it was opened"
        seen = {outcome.facility for outcome in self._pending}
        return next((name for name in self._order if name not in seen), "its worker")

    def _leave(self, now: Moment) -> None:
        self._phase = _Phase.ENDING
        self._failures += 1
        self._due = now.mono + self.pace.grace

    def _finish(self, end: End, problem: str, now: Moment) -> None:
        if end in self.ends:
            self.ends[end] += 1
        self._fold(Cycle(outcomes=tuple(self._pending), end=end, problem=problem), now)

    def received(self, message: Message, now: Moment) -> None:
        """Take a message of the worker; one that comes after its deadline counts for nothing."""
        if self._phase is not _Phase.BUSY:
            return
        if isinstance(message, Outcome):
            self._pending.append(message)
            if message.facility == ATTACHED:
                self._attached = True
                self._allow_cycle(now)
            else:
                self._allow_group(now)
            return
        end, problem = message
        self._hangs = 0
        if end in (End.OK, End.RESET_REQUIRED):
            self._phase, self._failures = _Phase.IDLE, 0
            self._due = self._next_beat(now)
        else:
            self._leave(now)
        self._finish(end, problem, now)

    def _next_beat(self, now: Moment) -> float:
        epoch, period = self.pace.epoch, self.pace.period
        return epoch + ((now.mono - epoch) // period + 1) * period

    def ended(self, how: str, now: Moment) -> None:
        """Take that the worker is reaped, and how it ended."""
        if self._phase is _Phase.BUSY or (self._phase is _Phase.IDLE and self._lasting):
            self._leave(now)
            self._finish(End.DIED, f"the worker ended: {how}", now)
        if self._phase is not _Phase.IDLE:
            at_once = self._hangs > 0 or self._failures == 0
            self._due = now.mono + (0 if at_once else self.pace.delay(self._failures))
        self._phase = _Phase.VACANT
