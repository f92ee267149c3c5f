import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerts import operator_routes
from alerts.discovery import all_alerts
from alerts.inhibitions import rules as inhibitions
from alerts.routes import RouteSettings, additions, configuration
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
        timeout=120,
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


def test_every_group_is_one_alert_of_one_node() -> None:
    """By `fault`, alerts that have none would be one group, whatever they are about."""
    document = configuration(RouteSettings())

    assert document["route"]["group_by"] == ["cluster", "node", "alertname"]
    assert document["route"]["routes"][0]["group_by"] == ["cluster", "node", "alertname"]


def test_people_are_routed_to_only_where_a_receiver_is_given() -> None:
    silent = additions(RouteSettings(), all_alerts())
    told = additions(RouteSettings(people=PEOPLE), all_alerts())

    assert [route["receiver"] for route in silent["routes"]] == [
        "railwatch-bridge",
        "railwatch-watchdog",
        "devnull",
    ]
    assert told["routes"][-1]["receiver"] == "railwatch-people"
    assert "ExporterDown" in told["routes"][-1]["matchers"][0]
    assert "RailwatchWatchdog" not in told["routes"][-1]["matchers"][0]


def test_inhibition_goes_from_the_graver_verdict_to_the_lesser_ones_of_the_same_device() -> None:
    rules = [rule for rule in inhibitions() if "verdict" in rule["source_matchers"][0]]

    assert [rule["source_matchers"] for rule in rules] == [
        ['verdict="drain"'],
        ['verdict="cordon"'],
        ['verdict="avoid"'],
    ]
    assert rules[0]["target_matchers"] == ['verdict=~"cordon|avoid|observe"']
    assert rules[2]["target_matchers"] == ['verdict="observe"']
    assert all({"node", "uuid", "guid"} <= set(rule["equal"]) for rule in rules)


def test_what_is_graver_inhibits_down_the_chain_by_node() -> None:
    chain = [
        (rule["source_matchers"], rule["target_matchers"])
        for rule in inhibitions()
        if rule["equal"] == ["cluster", "node"]
    ]

    assert chain[0][0] == ['alertname=~"KubeNodeNotReady|KubeNodeUnreachable"']
    assert {"ExporterDown", "RdmaLinkDown", "GpuStraggler"} <= set(
        chain[0][1][0].removeprefix('alertname=~"').removesuffix('"').split("|")
    )
    exporter = [target for source, target in chain if source == ['alertname="ExporterDown"']]
    assert ['condition=~"RdmaLinkDown|RdmaLinkDegraded|RdmaCongested"'] in exporter
    assert ['alertname=~"GpuStraggler|GpuClockLow"'] in exporter
    link = [target for source, target in chain if source == ['condition="RdmaLinkDown"']]
    assert link == [['alertname=~"GpuStraggler|GpuClockLow"']]


def test_nothing_inhibits_by_a_label_that_its_source_lacks() -> None:
    """Labels that both sides lack count as equal, and would silence everything."""
    known = {alert.name: alert for alert in all_alerts()}

    for rule in inhibitions():
        name = rule["source_matchers"][0].removeprefix('alertname="').removesuffix('"')
        if name in known and rule["equal"] != ["cluster"]:
            assert set(rule["equal"]) - {"cluster"} <= set(known[name].device.labels)


FULL = RouteSettings(
    people=PEOPLE,
    pages=PEOPLE,
    quiet=PEOPLE,
    teams={"ml": PEOPLE, "idle": PEOPLE},
    clusters={"us": PEOPLE},
    bridge_token_file="/etc/alertmanager/token",
    watchdog_url="http://127.0.0.1:1/",
)
TEAMS = {"training": "ml", "eval-v2": "ml", "web": "shop"}


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        ({"severity": "critical", **DRAIN}, "railwatch-bridge,railwatch-pages,railwatch-people"),
        ({"severity": "warning", **DRAIN}, "railwatch-bridge,railwatch-people"),
        (
            {"severity": "critical", **DRAIN, "cluster": "us"},
            "railwatch-bridge,railwatch-pages,railwatch-cluster-us",
        ),
        (
            {"severity": "warning", **DRAIN, "verdict": "observe"},
            "railwatch-bridge,railwatch-quiet",
        ),
        ({"severity": "info", "alertname": "X", "namespace": "training"}, "railwatch-team-ml"),
        ({"severity": "info", "alertname": "X", "namespace": "eval-v2"}, "railwatch-team-ml"),
        ({"severity": "info", "alertname": "X", "namespace": "eval-v2x"}, "railwatch-quiet"),
        ({"severity": "info", "alertname": "X", "namespace": "web"}, "railwatch-quiet"),
        ({"severity": "critical", "alertname": "X"}, "railwatch-pages,railwatch-people"),
        ({"severity": "info", "alertname": "RdmaPortBehindFault"}, "devnull"),
        ({"severity": "info", "alertname": "RailwatchWatchdog"}, "railwatch-watchdog"),
    ],
)
def test_who_is_told_by_severity_verdict_team_and_cluster(
    tmp_path: Path, labels: dict[str, str], told: str
) -> None:
    config = written(tmp_path, configuration(FULL, TEAMS))
    pairs = [f"{name}={value}" for name, value in labels.items()]

    done = amtool(
        "config", "routes", "test", f"--config.file={config}", f"--verify.receivers={told}", *pairs
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_an_alertmanager_that_takes_only_the_new_syntax_takes_it(tmp_path: Path) -> None:
    """There a backslash in a matcher is an error; by default it is but a warning in the log."""
    strict = "--enable-feature=utf8-strict-mode"

    done = amtool(strict, "check-config", written(tmp_path, configuration(FULL, TEAMS)))

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_bridge_is_told_with_its_token_and_nobody_else() -> None:
    receivers = {each["name"]: each for each in configuration(FULL, TEAMS)["receivers"]}

    webhook = receivers["railwatch-bridge"]["webhook_configs"][0]
    assert webhook["http_config"] == {
        "authorization": {"type": "Bearer", "credentials_file": "/etc/alertmanager/token"}
    }
    assert "http_config" not in receivers["railwatch-watchdog"]["webhook_configs"][0]


def test_a_team_without_namespaces_has_no_receiver() -> None:
    names = [each["name"] for each in configuration(FULL, TEAMS)["receivers"]]

    assert "railwatch-team-ml" in names
    assert "railwatch-team-idle" not in names
    assert "railwatch-team-shop" not in names


def test_the_operators_object_routes_all_of_ours_and_names_its_trap() -> None:
    settings = dataclasses.replace(FULL, bridge_token_secret="railwatch-webhook/token")

    spec = operator_routes.spec(settings, all_alerts())

    assert set(spec["route"]["matchers"][0]["value"].split("|")) == {a.name for a in all_alerts()}
    bridge = next(each for each in spec["receivers"] if each["name"] == "railwatch-bridge")
    assert bridge["webhookConfigs"][0]["httpConfig"]["authorization"]["credentials"] == {
        "name": "railwatch-webhook",
        "key": "token",
    }
    assert spec["route"]["routes"][0]["matchers"] == [
        {"name": "condition", "matchType": "!=", "value": ""}
    ]
    assert len(spec["inhibitRules"]) == len(inhibitions())
    assert "alertmanagerConfigMatcherStrategy.type: None" in operator_routes.NOTE


def test_the_operators_object_is_not_offered_as_a_whole_configuration() -> None:
    """A root route with matchers, which keep it to our alerts, is refused by the operator."""
    spec = operator_routes.spec(RouteSettings(), all_alerts())

    assert spec["route"]["matchers"]
    assert "alertmanagerConfiguration.name" not in operator_routes.NOTE


def test_amlint_finds_nothing_wrong(tmp_path: Path) -> None:
    config = written(tmp_path, configuration(FULL, TEAMS))
    program = Path(sys.executable).with_name("amlint")

    done = subprocess.run(
        [program, "check", "--strict", config],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert done.returncode == 0, done.stdout + done.stderr
