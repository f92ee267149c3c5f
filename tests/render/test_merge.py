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
KUBE_PROMETHEUS = """\
"global":
  "resolve_timeout": "5m"
"inhibit_rules":
- "equal": ["namespace", "alertname"]
  "source_matchers": ["severity = critical"]
  "target_matchers": ["severity =~ warning|info"]
- "equal": ["namespace", "alertname"]
  "source_matchers": ["severity = warning"]
  "target_matchers": ["severity = info"]
- "equal": ["namespace"]
  "source_matchers": ["alertname = InfoInhibitor"]
  "target_matchers": ["severity = info"]
"receivers":
- "name": "Default"
- "name": "Watchdog"
- "name": "Critical"
- "name": "null"
"route":
  "group_by": ["namespace"]
  "group_interval": "5m"
  "group_wait": "30s"
  "receiver": "Default"
  "repeat_interval": "12h"
  "routes":
  - "matchers": ["alertname = Watchdog"]
    "receiver": "Watchdog"
  - "matchers": ["alertname = InfoInhibitor"]
    "receiver": "null"
  - "matchers": ["severity = critical"]
    "receiver": "Critical"
"""
"""What kube-prometheus installs: manifests/alertmanager-secret.yaml."""

OURS = additions(RouteSettings(), all_alerts())


def told(folder: Path, base: str = THEIRS, **labels: str) -> str:
    config = folder / "alertmanager.yaml"
    config.write_text(merged(base, OURS), encoding="utf-8")
    pairs = [f"{name}={value}" for name, value in labels.items()]
    done = subprocess.run(
        [ensure("amtool")["amtool"], "config", "routes", "test", f"--config.file={config}", *pairs],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
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
        timeout=120,
    )

    assert done.returncode == 0, done.stderr


def test_kube_prometheus_configuration_goes_on_beside_ours(tmp_path: Path) -> None:
    drain = {"alertname": "GpuXidReset", "condition": "GpuResetRequired", "verdict": "drain"}

    def who(**labels: str) -> str:
        return told(tmp_path, KUBE_PROMETHEUS, **labels)

    assert who(alertname="Watchdog", severity="none") == "Watchdog"
    assert who(alertname="InfoInhibitor", severity="none") == "null"
    assert who(alertname="KubeAPIDown", severity="critical") == "Critical"
    assert who(severity="critical", **drain) == "railwatch-bridge,Critical"
    assert who(severity="warning", alertname="ExporterDown", node="n1") == "Default"
    assert who(severity="info", alertname="RdmaPortBehindFault") == "devnull"
    assert who(severity="info", alertname="RailwatchWatchdog") == "railwatch-watchdog"


def test_kube_prometheus_inhibitions_cannot_silence_ours() -> None:
    """InfoInhibitor always has a namespace; and each alert of ours has one severity."""
    inhibitor = yaml.safe_load(KUBE_PROMETHEUS)["inhibit_rules"][-1]
    severities = {alert.name: alert.severity for alert in all_alerts()}

    assert inhibitor["equal"] == ["namespace"]
    assert len(severities) == len(all_alerts())


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
    assert document["inhibit_rules"] == OURS["inhibit_rules"]


def test_empty_lists_are_filled() -> None:
    base = "route: {receiver: a, routes: }\nreceivers:\n- name: a\ninhibit_rules:\n"

    assert yaml.safe_load(merged(base, OURS))["inhibit_rules"] == OURS["inhibit_rules"]


def test_a_receiver_of_our_name_is_refused() -> None:
    once = merged(THEIRS, OURS)

    with pytest.raises(
        SettingsError, match=r"line \d+: receiver railwatch-bridge is there already"
    ):
        merged(once, OURS)


@pytest.mark.parametrize(
    ("base", "complaint"),
    [
        ("", "the file is no mapping"),
        ("receivers: []", "route is no mapping"),
        ("route: {}\nreceivers: 3", "line 2: receivers is no list"),
        ("route: {}\nreceivers: [3]", "a receiver is no mapping"),
        ("a: [", "not YAML"),
        (
            "apiVersion: v1\nkind: Secret\nstringData: {}",
            "line 2: this is a Kubernetes Secret: give",
        ),
    ],
)
def test_what_is_no_alertmanager_configuration_is_refused(base: str, complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        merged(base, OURS)
