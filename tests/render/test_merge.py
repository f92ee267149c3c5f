import subprocess
from pathlib import Path

import pytest
import yaml

from alerts.discovery import all_alerts
from alerts.routes import RouteSettings, additions
from render.merge import merged
from render.reading import SettingsError
from testbed.tools import ensure

THEIRS = """\
global:
  resolve_timeout: 5m
route:
  receiver: Default
  group_by: [namespace]
  routes:
    - receiver: "null"
      matchers: [alertname = Watchdog]
    - receiver: Critical
      matchers: [severity = critical]
      active_time_intervals: [office]
receivers:
  - name: Default
  - name: "null"
  - name: Critical
    webhook_configs: [{url: "http://127.0.0.1/critical", send_resolved: true}]
inhibit_rules:
  - equal: [namespace, alertname]
    source_matchers: [severity = critical]
    target_matchers: [severity =~ warning|info]
time_intervals:
  - name: office
    time_intervals:
      - times: [{start_time: 09:00, end_time: 17:00}]
        weekdays: ['monday:friday']
"""
OURS = additions(RouteSettings(), all_alerts())


def told(folder: Path, **labels: str) -> str:
    config = folder / "alertmanager.yaml"
    config.write_text(merged(THEIRS, OURS), encoding="utf-8")
    pairs = [f"{name}={value}" for name, value in labels.items()]
    done = subprocess.run(
        [ensure("amtool")["amtool"], "config", "routes", "test", f"--config.file={config}", *pairs],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.strip()


def test_alertmanager_takes_the_merged_configuration(tmp_path: Path) -> None:
    config = tmp_path / "alertmanager.yaml"
    config.write_text(merged(THEIRS, OURS), encoding="utf-8")

    done = subprocess.run(
        [ensure("amtool")["amtool"], "check-config", config],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 0, done.stderr


def test_what_is_theirs_stays_as_they_wrote_it() -> None:
    """Read as YAML 1.1 values, 17:00 would become the number 1020."""
    text = merged(THEIRS, OURS)

    assert "17:00" in text
    assert "resolve_timeout: 5m" in text
    assert "severity =~ warning|info" in text


def test_their_routes_go_on_to_tell_who_they_told(tmp_path: Path) -> None:
    assert told(tmp_path, alertname="KubePodCrash", severity="critical") == "Critical"
    assert told(tmp_path, alertname="KubePodCrash", severity="warning") == "Default"
    assert told(tmp_path, alertname="Watchdog") == "null"


def test_our_faults_reach_the_bridge_and_the_people_they_have(tmp_path: Path) -> None:
    ours = {"alertname": "RdmaLinkDown", "condition": "RdmaLinkDown"}

    assert told(tmp_path, **ours, severity="critical") == "railwatch-bridge,Critical"
    assert told(tmp_path, **ours, severity="warning") == "railwatch-bridge,Default"


def test_a_configuration_without_routes_gets_them() -> None:
    document = yaml.safe_load(merged("route: {receiver: a}\nreceivers: [{name: a}]\n", OURS))

    assert document["route"]["routes"][0]["receiver"] == "railwatch-bridge"
    assert len(document["inhibit_rules"]) == 3


def test_empty_lists_are_filled() -> None:
    base = "route: {receiver: a, routes: }\nreceivers:\n- name: a\ninhibit_rules:\n"

    assert len(yaml.safe_load(merged(base, OURS))["inhibit_rules"]) == 3


def test_a_receiver_of_our_name_is_refused() -> None:
    once = merged(THEIRS, OURS)

    with pytest.raises(SettingsError, match="receiver railwatch-bridge is there already"):
        merged(once, OURS)


@pytest.mark.parametrize(
    ("base", "complaint"),
    [
        ("", "the file is no mapping"),
        ("receivers: []", "route is no mapping"),
        ("route: {}\nreceivers: 3", "receivers is no list"),
        ("route: {}\nreceivers: [3]", "a receiver is no mapping"),
        ("a: [", "not YAML"),
    ],
)
def test_what_is_no_alertmanager_configuration_is_refused(base: str, complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        merged(base, OURS)
