"""The units for nodes outside Kubernetes: systemd takes them, the exporter takes their flags."""

import shlex
import shutil
import sys
from pathlib import Path

import pytest

from exporters.registry import FABRIC
from exporters.settings import Settings, add_settings, open_settings
from program.flags import parser
from program.surface import add_surface
from tests.install.charts import DEPLOY, run

UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
INSTALLED = "/opt/railwatch/bin/"


def settings(unit: Path) -> list[tuple[str, str]]:
    """Return a unit's lines as names and values."""
    text = unit.read_text(encoding="utf-8").replace("\\\n", " ")
    pairs = (line.partition("=") for line in text.splitlines() if not line.startswith("#"))
    return [(name, value) for name, sign, value in pairs if sign]


def told(unit: Path) -> Settings:
    """Return what a unit's flags say."""
    (command,) = [value for name, value in settings(unit) if name == "ExecStart"]
    program, *flags = shlex.split(command)
    assert program == f"{INSTALLED}railwatch-exporter"
    assert flags.pop() == "$RAILWATCH_FLAGS"
    made = parser("railwatch-exporter", "")
    add_settings(made)
    add_surface(made, ":9410")
    return open_settings(made.parse_args(flags))


def test_the_exporter_takes_the_flags_of_the_units() -> None:
    exporter, fabric = (told(unit) for unit in UNITS)

    assert exporter.state == "/var/lib/railwatch"
    assert not [key for key in exporter.facilities if key.startswith("allocation.")]
    assert "node.kernel_log" in exporter.facilities
    assert fabric.facilities == {one.key for one in FABRIC.facilities if one.on}


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_keeps_no_right_that_it_can_do_without(unit: Path) -> None:
    said = dict(settings(unit))

    kept = {"railwatch-exporter": {"CAP_SYSLOG", "CAP_NET_ADMIN", "CAP_NET_RAW"}}
    assert set(said["CapabilityBoundingSet"].split()) == kept.get(unit.stem, set())
    assert said["NoNewPrivileges"] == said["PrivateTmp"] == said["RestrictNamespaces"] == "yes"
    assert said["ProtectSystem"] == "strict"
    # Any of these makes a list of the devices that are there at the start.
    assert not {"PrivateDevices", "DeviceAllow", "ProtectClock"} & said.keys()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_takes_a_unit_and_finds_it_hardened(unit: Path, tmp_path: Path) -> None:
    here = tmp_path / unit.name
    text = unit.read_text(encoding="utf-8")
    here.write_text(text.replace(INSTALLED, f"{Path(sys.executable).parent}/"), encoding="utf-8")

    verified = run("systemd-analyze", "verify", here)
    secure = run("systemd-analyze", "security", "--offline=true", "--threshold=40", here)

    assert (verified.returncode, verified.stderr) == (0, "")
    assert secure.returncode == 0, secure.stdout
