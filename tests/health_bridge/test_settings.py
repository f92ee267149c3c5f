"""Every promised default, and what a command line may not say."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from health_bridge.settings import Settings
from testbed.ports import free_port
from testbed.waiting import PATIENCE
from tests.health_bridge.site import PROOFS, ROOT


def test_the_defaults_are_these() -> None:
    assert dataclasses.asdict(Settings()) == {
        "alertmanager_urls": (),
        "blind_grace": 300.0,
        "boot_grace": 300.0,
        "budget_avoid": "50%",
        "budget_fleet": "10%",
        "budget_labels": (),
        "budget_rate": "",
        "budget_tiers": (),
        "cluster": "",
        "domain_share": "50%",
        "check_daemonsets": True,
        "decision_log": "",
        "decision_log_files": 8,
        "decision_log_size": "64MiB",
        "dry_run": False,
        "events": True,
        "shadow": False,
        "fence_devices": True,
        "flap_window": 86_400.0,
        "gpu_scope_fallback": "node",
        "http_config_file": "",
        "interval": 15.0,
        "key_prefix": "railwatch.io",
        "kubeconfig": "",
        "leader_elect": True,
        "lease_duration": 10.0,
        "lease_name": "railwatch-bridge",
        "lease_namespace": "railwatch",
        "line_label": "topology.railwatch.io/line",
        "node_selector": "",
        "pause": False,
        "pause_name": "railwatch-bridge",
        "pause_namespace": "railwatch",
        "prometheus_urls": (),
        "proofs_file": "",
        "timeout": 10.0,
        "verdict_max": "observe",
        "verify_nodes": False,
        "webhook_token_file": "",
        "write_burst": 100,
        "write_rate": 400.0,
        "write_workers": 16,
    }


def fail(*arguments: str) -> tuple[int, str]:
    """Run the program as users do; return its exit code and what it says, which is one line."""
    ended = subprocess.run(
        [sys.executable, "-m", "health_bridge", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    said = [line for line in ended.stderr.splitlines() if "error:" in line]
    assert len(said) == 1, ended.stderr
    assert "Traceback" not in ended.stderr
    return ended.returncode, said[0]


PROMETHEUS = "--prometheus.url=http://127.0.0.1:9090"
KNOWN = f"--proofs.file={PROOFS}"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--nonsense",), 2, "--nonsense"),
        ((), 2, "no source of alerts"),
        (("--prometheus.url=prometheus:9090",), 2, "'prometheus:9090' is not a URL"),
        (("--alertmanager.url=http://",), 2, "'http://' is not a URL"),
        (("--prometheus.url=http://h:99999",), 2, "is not a URL"),
        (("--budget.fleet=0",), 2, "'0' is not a whole number"),
        (("--budget.tier=0",), 2, "'0' is not of the form TIER=NODES"),
        (("--budget.label=pool=0%",), 2, "'0%' is not between 0% and 100%"),
        (("--budget.rate=5",), 2, "'5' is not of the form NODES/DURATION"),
        (("--domain.share=7",), 2, "'7' is not a percentage"),
        ((PROMETHEUS, KNOWN, "--verdict.max=cordon"), 2, "--verdict.max=cordon needs --cluster"),
        ((PROMETHEUS, KNOWN, "--verdict.max=drain"), 2, "--verdict.max=drain needs --cluster"),
        ((PROMETHEUS, KNOWN, "--verify-nodes"), 1, "has no proof for AcceleratorsUnverified"),
        (("--interval=1ms",), 2, "1ms is too short"),
        (("--decision-log.size=0",), 2, "'0' is not a size"),
        (("replay",), 2, "required: LOG"),
        (("replay", "/nowhere"), 1, "/nowhere: No such file"),
        (("--verdict.max=destroy",), 2, "invalid choice: 'destroy'"),
        ((PROMETHEUS,), 1, "--proofs.file is missing"),
        ((PROMETHEUS, "--proofs.file=/nowhere"), 1, "--proofs.file /nowhere: "),
        ((PROMETHEUS, KNOWN), 1, "--kubeconfig (empty: not in a pod; name a file)"),
        ((PROMETHEUS, KNOWN, "--kubeconfig=/nowhere"), 1, "--kubeconfig /nowhere: "),
        ((PROMETHEUS, KNOWN, f"--kubeconfig={PROOFS}"), 1, f"--kubeconfig {PROOFS}: "),
        ((PROMETHEUS, KNOWN, "--http.config.file=/nowhere"), 1, "--http.config.file /nowhere: "),
        (("forget-source", "--kubeconfig=/nowhere", "http://p"), 1, "--kubeconfig /nowhere: "),
        (
            (PROMETHEUS, KNOWN, "--webhook.bearer-token-file=/nowhere"),
            1,
            "--webhook.bearer-token-file /nowhere: No such file",
        ),
        (("forget-source",), 2, "required: SOURCE"),
        (("release", "--kubeconfig=/nowhere", "--all"), 1, "--kubeconfig /nowhere: "),
        (("release", "--nonsense"), 2, "--nonsense"),
    ],
)
def test_a_bad_command_line_ends_in_one_line(
    arguments: tuple[str, ...], code: int, message: str
) -> None:
    ended, said = fail(*arguments)

    assert ended == code
    assert message in said


def kubeconfig(folder: Path, server: str) -> Path:
    file = folder / "kubeconfig"
    file.write_text(
        f"""
apiVersion: v1
kind: Config
current-context: c
contexts: [{{name: c, context: {{cluster: c, user: u}}}}]
clusters: [{{name: c, cluster: {{server: "{server}"}}}}]
users: [{{name: u, user: {{token: t}}}}]
""",
        encoding="utf-8",
    )
    return file


def test_a_bad_web_configuration_ends_in_one_line(tmp_path: Path) -> None:
    access = kubeconfig(tmp_path, f"https://127.0.0.1:{free_port()}")

    ended, said = fail(PROMETHEUS, KNOWN, f"--kubeconfig={access}", "--web.config.file=/nowhere")

    assert ended == 1
    assert "--web.config.file /nowhere" in said


def test_a_password_and_a_token_in_one_header_are_refused(tmp_path: Path) -> None:
    web = tmp_path / "web.yaml"
    web.write_text(f"basic_auth_users: {{me: '$2b$04${'a' * 53}'}}", encoding="utf-8")
    (tmp_path / "token").write_text("t", encoding="utf-8")

    ended, said = fail(
        *(PROMETHEUS, KNOWN, f"--web.config.file={web}"),
        f"--webhook.bearer-token-file={tmp_path / 'token'}",
    )

    assert ended == 2
    assert "asks for a password in the same header" in said


def test_release_without_a_kube_apiserver_ends_in_one_line(tmp_path: Path) -> None:
    access = kubeconfig(tmp_path, f"https://127.0.0.1:{free_port()}")

    ended, said = fail("release", f"--kubeconfig={access}", "--all")

    assert ended == 1
    assert "run it again" in said


def test_release_wants_nodes_or_all(tmp_path: Path) -> None:
    access = kubeconfig(tmp_path, "https://127.0.0.1:1")

    ended, said = fail("release", f"--kubeconfig={access}")

    assert ended == 2
    assert "--all" in said
