"""`railwatch-bridge replay`: every decision of a log again, as it was or under another policy.

As it was, each line is decided on the nodes as they were then: anything else than what stands in
the log is a difference of program versions. Under another policy the nodes are imagined on from
what that policy would have done before, so that budgets are spent and soaks run as they would have.
Decided is only at the moments that the log has; proofs are known of faults that were open then.
"""

import argparse
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TextIO, get_type_hints

import msgspec

from catalog.verdicts import Verdict
from health_bridge.allowed import policy_of
from health_bridge.decision.budget import holds
from health_bridge.decision.policy import Policy
from health_bridge.decision.proofs import Proofs
from health_bridge.decision.record import format_time
from health_bridge.decision.shadow import Shadow
from health_bridge.journal import Entry, Reader, files_of
from health_bridge.moment import Settled, Told, told
from health_bridge.settings import Settings
from program.errors import ProgramError
from program.flags import add_flags, build, parser

TRIED = {
    "verdict_max": "verdict_max",
    "budget_fleet": "budget",
    "budget_avoid": "avoid",
    "budget_tiers": "tiers",
    "budget_labels": "labels",
    "budget_rate": "rate",
    "domain_share": "domain_share",
    "blind_grace": "blind_grace",
    "boot_grace": "boot_grace",
    "flap_window": "flap_window",
    "gpu_scope_fallback": "gpu_fallback",
    "pause": "paused",
}
"""Setting that a replay may change → field of the policy that it is."""

_NO_PROOFS = Proofs(observed="", alerts="", boot_time="", reset_time="", faults={})

_EPILOG = """\
Without flags each decision is made again as it was, and nothing should differ. With flags it is
what would have been decided, each decision going on from those before it.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What was and what would have been decided of one node, where that is not the same."""

    at: float
    node: str
    recorded: tuple[str, ...]
    replayed: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class Summary:
    """What a replay came to."""

    decisions: int = 0
    differing: int = 0
    """Decisions of which anything differs."""
    first: float = 0.0
    last: float = 0.0
    recorded_peak: int = 0
    """Most nodes out of use at once by the bridge's verdict."""
    replayed_peak: int = 0
    unread: int = 0


@dataclass(slots=True, kw_only=True)
class Replay:
    """One run over a log; `changes` are fields of the policy."""

    reader: Reader
    changes: Mapping[str, Any] = field(default_factory=dict)
    summary: Summary = field(default_factory=Summary)
    _shadow: Shadow | None = None
    _standing: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = field(default_factory=dict)

    def run(self) -> Iterator[Difference]:
        """Yield each difference when it begins, and again when it becomes another."""
        for entry in self.reader:
            differences = list(self._compare(entry))
            self.summary.differing += bool(self._standing)
            yield from differences
        self.summary.unread = self.reader.unread

    def _compare(self, entry: Entry) -> Iterator[Difference]:
        replayed = self._decide(entry)
        self._count(entry, replayed)
        before, self._standing = self._standing, {}
        for name in sorted({*entry.outcome, *replayed}):
            one = self._lines(entry.outcome.get(name, Told()))
            other = self._lines(replayed.get(name, Told()))
            if one == other:
                continue
            self._standing[name] = one, other
            if before.get(name) != (one, other):
                at = entry.moment.sight.now
                yield Difference(at=at, node=name, recorded=one, replayed=other)

    def _lines(self, each: Told) -> tuple[str, ...]:
        """Return what is compared; what another policy writes when is its own affair."""
        faults = tuple(sorted(map(str, each.faults)))
        return faults if self.changes else (*faults, *each.steps)

    def _decide(self, entry: Entry) -> dict[str, Told]:
        if not self.changes:
            return told(entry.moment.decide())
        policy = replace(entry.moment.policy, **self.changes)
        _check_labels(policy)
        if self._shadow is None:
            self._shadow = Shadow(policy.keys)
        nodes = self._shadow.over(entry.moment.nodes)
        decision = replace(entry.moment, nodes=nodes, policy=policy).decide()
        self._shadow.take(decision.plans)
        return told(decision)

    def _count(self, entry: Entry, replayed: Mapping[str, Told]) -> None:
        total, now = self.summary, entry.moment.sight.now
        total.decisions += 1
        total.first, total.last = total.first or now, now
        total.recorded_peak = max(total.recorded_peak, _taken(entry.outcome))
        total.replayed_peak = max(total.replayed_peak, _taken(replayed))


def _check_labels(policy: Policy) -> None:
    """Refuse a budget by a label that the nodes were not read for: it would limit nothing."""
    for key, _ in policy.labels:
        if key not in policy.keys.labels:
            raise ProgramError(f"--budget.label {key}: the log does not have that label of nodes")


def _taken(outcome: Mapping[str, Told]) -> int:
    return sum(any(map(_takes, each.faults)) for each in outcome.values())


def _takes(fault: Settled) -> bool:
    return fault.is_applied and holds(Verdict.parse(fault.verdict))


def main(arguments: Sequence[str], out: TextIO) -> int:
    """Run the subcommand; 1 with `--check` where anything differs or cannot be read."""
    trial = _trial()
    flags = parser("railwatch-bridge replay", "Decide again what a decision log has.", _EPILOG)
    add_flags(flags, trial)
    flags.add_argument("--json", action="store_true", help="a JSON object a line, the sum last")
    flags.add_argument("--check", action="store_true", help="end with 1 where anything differs")
    flags.add_argument("log", metavar="LOG", help="the file that --decision-log named")
    parsed = flags.parse_args(arguments)
    replay = Replay(reader=Reader(paths=files_of(Path(parsed.log))), changes=_changes(parsed))
    write = _write_json if parsed.json else _write_text
    try:
        for difference in replay.run():
            write(out, difference)
    except OSError as error:
        raise ProgramError(f"{parsed.log}: {error.strerror or error}") from None
    _check_read(replay, parsed.log)
    (_sum_json if parsed.json else _sum_text)(out, replay.summary)
    return int(parsed.check and (replay.summary.differing > 0 or replay.summary.unread > 0))


def _trial() -> type[Any]:
    """Return the settings that a replay may change, each without a default: as it was."""
    hints = get_type_hints(Settings)
    return dataclasses.make_dataclass(
        "Trial",
        [
            (each.name, hints[each.name], field(default=None, metadata=each.metadata))
            for each in dataclasses.fields(Settings)
            if each.name in TRIED
        ],
        kw_only=True,
    )


def _changes(parsed: argparse.Namespace) -> dict[str, Any]:
    """Return the fields of the policy that the flags change."""
    given = {
        name: value for name, value in asdict(build(_trial(), parsed)).items() if value is not None
    }
    return {TRIED[name]: _in_policy(name, value) for name, value in given.items()}


def _in_policy(name: str, value: Any) -> Any:
    """Return a setting as the policy has it; a pause stands in none that settings make."""
    changed = policy_of(replace(Settings(), **{name: value}), _NO_PROOFS)
    return value if name == "pause" else getattr(changed, TRIED[name])


def _check_read(replay: Replay, path: str) -> None:
    reader = replay.reader
    if replay.summary.decisions == 0:
        newer = " of a version that this program knows" if reader.newer else ""
        raise ProgramError(f"{path}: no decision{newer} is in it ({reader.unread} lines)")


def _write_text(out: TextIO, difference: Difference) -> None:
    out.write(f"{format_time(difference.at)} {difference.node}\n")
    recorded, replayed = set(difference.recorded), set(difference.replayed)
    out.writelines(f"  - {line}\n" for line in difference.recorded if line not in replayed)
    out.writelines(f"  + {line}\n" for line in difference.replayed if line not in recorded)


def _sum_text(out: TextIO, total: Summary) -> None:
    out.write(
        f"{total.decisions} decisions from {format_time(total.first)} to "
        f"{format_time(total.last)}, {total.differing} differ; nodes out of use at most: "
        f"{total.recorded_peak} recorded, {total.replayed_peak} replayed\n"
    )
    if total.unread:
        out.write(f"{total.unread} lines could not be read: cut off, or after one that was\n")


def _write_json(out: TextIO, difference: Difference) -> None:
    out.write(msgspec.json.encode(difference).decode() + "\n")


def _sum_json(out: TextIO, total: Summary) -> None:
    out.write(msgspec.json.encode({"summary": total}).decode() + "\n")
