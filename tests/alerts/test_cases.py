"""The generated unit tests are themselves tested: what weakens a rule or a proof must fail them."""

from pathlib import Path

import pytest

from alerts.discovery import all_alerts, stem
from alerts.ways import INTERRUPTED
from tests.alerts.promtool import rendered, run

REPLACEABLE = {
    alert.name: ("a replaced device neither fires nor proves the one that is gone",)
    for alert in all_alerts()
    if alert.device.replacement
}
BRIDGED = [alert.name for alert in all_alerts() if alert.proof]

WEAKENED_PROOFS = {
    "a gap is no gap": ("GpuFellOffBus", ">= 36", ">= 0"),
    "the soak need not begin with the reboot": ("GpuFellOffBus", ">= 600", ">= 0"),
    "an Xid since the boot is nothing": (
        "GpuFellOffBus",
        "<= on (cluster, node)",
        "!= on (cluster, node)",
    ),
    "a lost GPU is ok": ("GpuFellOffBus", "[10m]) >= 1\n", "[10m]) >= 0\n"),
    "an uncorrected error is none": ("GpuMemoryUncorrectable", "<= 0\n", "<= 1\n"),
    "a port that is down is active": ("RdmaLinkDown", ">= 4\n", ">= 1\n"),
    "a counter that rises is still": ("RdmaLinkFlapping", "== 0\n", ">= 0\n"),
}

CHANGED_RULES = {
    "it never fires": ("GpuFellOffBus", '{state="lost"} == 1', '{state="lost"} == 2'),
    "it fires for a GPU that is well": ("GpuFellOffBus", "== 1", "== 0"),
    "it fires for an Xid of before the boot": ("GpuFellOffBus", "> on", ">= on"),
    "it fires at once": ("RdmaLinkDown", "for: 1m", "for: 0s"),
    "it fires for a port nobody expects": ("RdmaLinkDown", "expected == 1", "expected >= 0"),
    "it fires for one loss fewer": ("RdmaLinkFlapping", ">= 3", ">= 2"),
    "it fires in a roll-out": ("ExporterDown", "for: 5m", "for: 15s"),
    "it lacks the device": (
        "RdmaLinkDown",
        "(cluster, node, guid, device, port)",
        "(cluster, node, device, port)",
    ),
}


def changed(folder: Path, path: str, before: str, after: str) -> None:
    text = (folder / path).read_text(encoding="utf-8")
    assert before in text
    (folder / path).write_text(text.replace(before, after), encoding="utf-8")


@pytest.mark.parametrize("what", WEAKENED_PROOFS)
def test_a_proof_that_is_weakened_fails_its_unit_tests(tmp_path: Path, what: str) -> None:
    name, before, after = WEAKENED_PROOFS[what]
    folder = rendered(tmp_path)

    changed(folder, f"tests/{stem(name)}.yaml", before, after)

    assert "got:" in run("test", "rules", folder / "tests" / f"{stem(name)}.yaml").stderr


def test_a_proof_from_old_samples_fails_its_unit_tests(tmp_path: Path) -> None:
    """Proof and recording rule each look at the samples' age, so that both have to be weakened."""
    folder = rendered(tmp_path)

    changed(folder, "tests/gpu_fell_off_bus.yaml", "<= 45", "<= 1e9")
    changed(folder, "rules/shard/recording.yaml", "<= 45", "<= 1e9")

    assert "got:" in run("test", "rules", folder / "tests" / "gpu_fell_off_bus.yaml").stderr


@pytest.mark.parametrize("what", CHANGED_RULES)
def test_a_rule_that_is_changed_fails_its_unit_tests(tmp_path: Path, what: str) -> None:
    name, before, after = CHANGED_RULES[what]
    folder = rendered(tmp_path)

    changed(folder, f"rules/shard/{stem(name)}.yaml", before, after)

    assert "got:" in run("test", "rules", folder / "tests" / f"{stem(name)}.yaml").stderr


@pytest.mark.parametrize("name", BRIDGED)
def test_every_way_of_losing_sight_is_tested_with_every_proof(tmp_path: Path, name: str) -> None:
    path = f"tests/{stem(name)}.yaml"
    text = (rendered(tmp_path, only=[path]) / path).read_text(encoding="utf-8")

    for what in (
        "fires for the faulty device",
        "is silent just below the threshold",
        INTERRUPTED,
        *REPLACEABLE.get(name, ()),
        "proves the repaired device after the soak, and only it",
    ):
        assert what in text


def test_the_recording_rules_unit_tests_pass(tmp_path: Path) -> None:
    done = run("test", "rules", rendered(tmp_path) / "tests" / "recording.yaml")

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("== 1\n", ">= 0\n"),
        ("<= on (cluster, node) group_left () 3 *", "<= on (cluster, node) group_left () 4 *"),
        ('up{job="railwatch-exporter"} == 1', 'up{job="railwatch-exporter"} >= 0'),
        ("<= 45", "<= 450"),
        ("0 * ", "1 * "),
    ],
)
def test_a_weaker_recording_rule_fails_its_unit_tests(
    tmp_path: Path, before: str, after: str
) -> None:
    folder = rendered(tmp_path)

    changed(folder, "rules/shard/recording.yaml", before, after)

    assert "got:" in run("test", "rules", folder / "tests" / "recording.yaml").stderr
