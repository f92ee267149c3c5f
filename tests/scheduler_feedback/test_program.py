"""The program from outside: its errors, its end, and outages of the kube-apiserver."""

import contextlib
import json
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from testbed.ports import free_port
from testbed.servers import Cluster
from testbed.waiting import wait_until
from tests.scheduler_feedback import live
from tests.scheduler_feedback.live import Program, assert_one_line, run
from tests.scheduler_feedback.objects import fault


def test_an_unknown_flag_is_one_line() -> None:
    assert_one_line(run("--nonsense"), "--nonsense")


@pytest.mark.parametrize("command", [[], ["release", "--all"]])
def test_a_kubeconfig_that_is_not_there_is_one_line(command: list[str], tmp_path: Path) -> None:
    missing = tmp_path / "missing"

    assert_one_line(run(*command, f"--kubeconfig={missing}"), f"{missing}: No such file")


@pytest.mark.parametrize("text", ["", "{", "a: b", "\0", "clusters: 7\nusers: 8\ncontexts: 9"])
def test_a_kubeconfig_that_is_none_is_one_line(text: str, tmp_path: Path) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(text)

    assert_one_line(run(f"--kubeconfig={file}"), f"--kubeconfig {file}: ")


def test_outside_a_pod_a_kubeconfig_is_asked_for() -> None:
    assert_one_line(run(), "name a --kubeconfig")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster() as cluster:
        live.deploy_rbac(cluster)
        yield cluster


@pytest.fixture(scope="module")
def kubeconfig(cluster: Cluster) -> Path:
    return cluster.kubeconfig_for(live.PROGRAM_USER)


@pytest.mark.cluster
def test_a_port_that_is_taken_is_one_line(kubeconfig: Path) -> None:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"

        ended = run(f"--kubeconfig={kubeconfig}", f"--web.listen-address={address}")

    assert_one_line(ended, f"cannot listen on {address}")


@pytest.mark.cluster
def test_sigterm_ends_it_cleanly_and_gives_the_lease_up(cluster: Cluster, kubeconfig: Path) -> None:
    lease = "/apis/coordination.k8s.io/v1/namespaces/railwatch/leases/railwatch-scheduler"
    with live.program(kubeconfig, "--drain") as program:
        wait_until(lambda: program.metric("railwatch_scheduler_drain_leader") == 1)
        began = time.monotonic()

        program.process.signal(signal.SIGTERM)

        assert program.process.wait(timeout=5) == 0
        assert time.monotonic() - began < 3
    assert not cluster.api.get(lease)["spec"].get("holderIdentity")


@pytest.mark.cluster
def test_one_of_two_replicas_drains_and_the_other_takes_over(kubeconfig: Path) -> None:
    flags = ("--drain", "--lease.duration=2s", "--drain.interval=200ms")
    with live.program(kubeconfig, *flags) as one, live.program(kubeconfig, *flags) as two:
        wait_until(lambda: leading(one) + leading(two) == 1)
        first, second = (one, two) if leading(one) else (two, one)
        assert live.holds_for(1, lambda: (leading(first), leading(second)) == (1, 0))

        first.process.kill()

        wait_until(lambda: leading(second) == 1)


def leading(program: Program) -> float:
    return program.metric("railwatch_scheduler_drain_leader") or 0.0


@pytest.mark.cluster
def test_release_removes_the_lease_and_says_so(cluster: Cluster, kubeconfig: Path) -> None:
    with live.program(kubeconfig, "--drain") as program:
        wait_until(lambda: leading(program) == 1)

    first = run("release", "--all", f"--kubeconfig={kubeconfig}")
    second = run("release", "--all", f"--kubeconfig={kubeconfig}")

    assert (first.returncode, second.returncode) == (0, 0)
    assert first.stdout == "Lease railwatch/railwatch-scheduler: removed\n"
    assert second.stdout == "Lease railwatch/railwatch-scheduler: not there\n"
    leases = cluster.api.items("/apis/coordination.k8s.io/v1/namespaces/railwatch/leases")
    assert leases == []


@pytest.mark.cluster
def test_an_account_without_rights_is_told_so_and_the_program_lives(cluster: Cluster) -> None:
    nobody = cluster.kubeconfig_for("nobody")
    with live.program(nobody, ready=False) as program:
        wait_until(lambda: "forbidden" in program.get("/readyz")[1])

        status, said = program.get("/readyz")

    assert status == 503
    assert 'User "nobody" cannot list resource "nodes"' in said


def passed(program: Program, *names: str) -> list[str]:
    found: list[str] = program.ask("filter", *names)["NodeNames"]
    return found


@pytest.mark.cluster
def test_a_request_that_is_not_json_is_answered_and_seen(kubeconfig: Path) -> None:
    with live.program(kubeconfig) as program:
        status, text = program.post("filter", b"<xml>")
        huge, _ = program.post("filter", b" " * (9 << 20))

        assert status == 400
        assert "not JSON" in json.loads(text)["Error"]
        assert huge == 413
        counted = program.metric("railwatch_scheduler_requests_total", verb="filter", code="400")
        assert counted == 1


@pytest.mark.cluster
def test_a_silent_server_makes_the_cache_stale_and_the_filter_pass_all(
    cluster: Cluster, kubeconfig: Path
) -> None:
    cluster.add_nodes(["silent-0"])
    note = {"railwatch.io/devices": _devices()}
    cluster.api.merge("/api/v1/nodes/silent-0", {"metadata": {"annotations": note}})
    with live.program(kubeconfig, "--cache.stale-after=2s") as program:
        assert passed(program, "silent-0", "unheard-of") == ["unheard-of"]

        cluster.apiserver.pause()
        try:
            wait_until(lambda: not program.is_ready())
            assert passed(program, "silent-0") == ["silent-0"]
            assert "old" in program.get("/readyz")[1]
        finally:
            cluster.apiserver.resume()

        wait_until(program.is_ready)
        assert passed(program, "silent-0") == []


def _devices() -> str:
    whole = fault("cordon", "applied", device="node")
    entry = {n: getattr(whole, n) for n in ("condition", "verdict", "action", "fault", "since")}
    return json.dumps({"node": [entry]})


@pytest.mark.cluster
def test_it_waits_for_a_server_that_is_not_up_yet(cluster: Cluster, kubeconfig: Path) -> None:
    cluster.apiserver.stop()
    try:
        with live.program(kubeconfig, ready=False, port=free_port()) as program:
            wait_until(lambda: "unreachable" in program.get("/readyz")[1])
            assert program.get("/healthz")[0] == 200
            assert passed(program, "anything") == ["anything"]

            cluster.apiserver.start()

            wait_until(program.is_ready)
    finally:
        if not cluster.apiserver.process.running:
            cluster.apiserver.start()
