import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerts.discovery import all_alerts
from alerts.routes import RouteSettings, additions, configuration, inhibitions
from testbed.tools import ensure

NODE = {"cluster": "c", "node": "n1"}
DRAIN = {**NODE, "alertname": "GpuFellOffBus", "condition": "GpuUnavailable", "verdict": "drain"}
PEOPLE = {"slack_configs": [{"channel": "#gpu", "api_url": "http://127.0.0.1/slack"}]}
SETTINGS = RouteSettings(people=PEOPLE, watchdog_url="http://127.0.0.1:1/")


def amtool(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ensure("amtool")["amtool"], *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def written(folder: Path, document: dict[str, Any]) -> Path:
    path = folder / "alertmanager.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return path


def receivers(folder: Path, settings: RouteSettings, **labels: str) -> list[str]:
    """Return who is told of an alert with these labels, by Alertmanager's own routing."""
    config = written(folder, configuration(settings))
    pairs = [f"{name}={value}" for name, value in labels.items()]
    done = amtool("config", "routes", "test", f"--config.file={config}", *pairs)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().split(",")


@pytest.mark.parametrize(
    "settings",
    [
        RouteSettings(),
        SETTINGS,
    ],
)
def test_alertmanager_takes_the_configuration(tmp_path: Path, settings: RouteSettings) -> None:
    done = amtool("check-config", written(tmp_path, configuration(settings)))

    assert done.returncode == 0, done.stderr


def test_what_the_bridge_acts_on_goes_to_it_and_to_people(tmp_path: Path) -> None:
    told = receivers(tmp_path, RouteSettings(), severity="critical", **DRAIN)

    assert told == ["railwatch-bridge", "railwatch-people"]


def test_what_is_for_people_does_not_go_to_the_bridge(tmp_path: Path) -> None:
    told = receivers(tmp_path, RouteSettings(), alertname="ExporterDown", node="n1")

    assert told == ["railwatch-people"]


def test_the_watchdog_goes_to_its_own_receiver_alone(tmp_path: Path) -> None:
    assert receivers(tmp_path, RouteSettings(), alertname="RailwatchWatchdog") == [
        "railwatch-watchdog"
    ]


def test_the_bridge_is_told_of_resolved_alerts_too() -> None:
    bridge = next(
        each
        for each in configuration(RouteSettings())["receivers"]
        if each["name"] == "railwatch-bridge"
    )

    assert bridge["webhook_configs"][0]["send_resolved"] is True


def test_every_group_is_one_fault_of_one_node() -> None:
    document = configuration(RouteSettings())

    assert document["route"]["group_by"] == ["cluster", "node", "fault"]
    assert document["route"]["routes"][0]["group_by"] == ["cluster", "node", "fault"]


def test_people_are_routed_to_only_where_a_receiver_is_given() -> None:
    silent = additions(RouteSettings(), all_alerts())
    told = additions(RouteSettings(people=PEOPLE), all_alerts())

    assert [route["receiver"] for route in silent["routes"]] == [
        "railwatch-bridge",
        "railwatch-watchdog",
    ]
    assert told["routes"][-1]["receiver"] == "railwatch-people"
    assert "ExporterDown" in told["routes"][-1]["matchers"][0]
    assert "RailwatchWatchdog" not in told["routes"][-1]["matchers"][0]


def test_inhibition_goes_from_the_graver_verdict_to_the_lesser_ones_of_the_same_device() -> None:
    sources = [rule["source_matchers"] for rule in inhibitions()]
    targets = [rule["target_matchers"] for rule in inhibitions()]

    assert sources == [['verdict="drain"'], ['verdict="cordon"'], ['verdict="avoid"']]
    assert targets[0] == ['verdict=~"cordon|avoid|observe"']
    assert targets[2] == ['verdict=~"observe"']
    assert all({"node", "uuid", "guid"} <= set(rule["equal"]) for rule in inhibitions())


def test_amlint_finds_nothing_wrong(tmp_path: Path) -> None:
    config = written(tmp_path, configuration(SETTINGS))
    program = Path(sys.executable).with_name("amlint")

    done = subprocess.run(
        [program, "check", "--strict", config],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 0, done.stdout + done.stderr
