"""Writes docs/stable-metrics.txt and docs/stable-alerts.txt: the names that others rely on.

python -m render.stable            write them; refused while the changelog is silent
python -m render.stable --check    say what differs from the catalogue, and fail

Rules, dashboards and routes of users name metrics, labels, alerts and conditions. A name that goes
or changes breaks them in silence, so that it has to be told in CHANGELOG.md first.
"""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from alerts.discovery import all_alerts
from catalog.fleet import RECORDED
from catalog.registry import all_metrics
from program.errors import ProgramError, run
from program.flags import parser

ROOT = Path(__file__).resolve().parents[1]

_NONE = "-"
_REMEDY = "write it to CHANGELOG.md, under Unreleased, and run make golden"

Lines = Mapping[str, str]
"""What a name stands for, by the name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """How the names of a file differ from those of the catalogue."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]

    @property
    def breaking(self) -> tuple[str, ...]:
        """Names on which somebody's rule may rely."""
        return (*self.changed, *self.removed)

    def __str__(self) -> str:
        """Say what happened to which name."""
        told = (("new", self.added), ("changed", self.changed), ("gone", self.removed))
        return "; ".join(f"{what}: {', '.join(names)}" for what, names in told if names)


def names() -> dict[str, Lines]:
    """Return what each file has to say."""
    return {
        "stable-metrics.txt": dict(_metrics()),
        "stable-alerts.txt": dict(_alerts()),
    }


def _metrics() -> Iterator[tuple[str, str]]:
    """Yield type, labels and the closed set of states of each metric, and what rules record."""
    for metric in all_metrics():
        states = f" state={'|'.join(metric.states)}" if metric.states else ""
        yield metric.name, f"{metric.kind.value} {_labels(metric.labels)}{states}"
    for recorded in RECORDED:
        yield recorded.name, f"recorded {_labels(recorded.labels)}"


def _labels(labels: Sequence[str]) -> str:
    return ",".join(labels) or _NONE


def _alerts() -> Iterator[tuple[str, str]]:
    """Yield severity, verdict and condition of each alert."""
    for alert in all_alerts():
        fault = alert.fault
        verdict, condition = (
            (fault.verdict.label, fault.condition.type) if fault else (_NONE, _NONE)
        )
        yield alert.name, f"{alert.severity} {verdict} {condition}"


def compare(before: Lines, after: Lines) -> Change:
    """Return what happened to the names between two states."""
    return Change(
        added=tuple(sorted(set(after) - set(before))),
        changed=tuple(sorted(n for n in before if n in after and before[n] != after[n])),
        removed=tuple(sorted(set(before) - set(after))),
    )


def read(path: Path) -> Lines:
    """Return the names of a file; none where it is not there yet."""
    if not path.is_file():
        return {}
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split(" ", 1) for line in lines)


def written(lines: Lines) -> str:
    """Return a file's text: a name a line, in order."""
    return "".join(f"{name} {lines[name]}\n" for name in sorted(lines))


def untold(change: Change, changelog: str) -> list[str]:
    """Return the names that went or changed, and that the changelog's Unreleased does not name."""
    section = re.search(
        r"^## \[?Unreleased\]?$(.*?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL
    )
    told = set(re.findall(r"[\w:]+", section[1])) if section else set()
    return [name for name in change.breaking if name not in told]


def main(argv: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Write the files, or check them."""
    return run("render.stable", lambda: _main(sys.argv[1:] if argv is None else argv, root))


def _main(argv: Sequence[str], root: Path) -> int:
    flags = parser("render.stable", "Write docs/stable-metrics.txt and docs/stable-alerts.txt.")
    flags.add_argument("--check", action="store_true", help="fail where one differs")
    check = flags.parse_args(argv).check
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    for name, now in names().items():
        path = root / "docs" / name
        change = compare(read(path), now)
        if check and str(change):
            raise ProgramError(f"{path}: {change}: {_REMEDY}")
        if silent := untold(change, changelog):
            raise ProgramError(f"CHANGELOG.md is silent about {', '.join(silent)}: {_REMEDY}")
        path.write_text(written(now), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
