"""The program from outside: its errors, its end, and outages of the kube-apiserver."""

import contextlib
import json
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

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
    watches_last = "--cache.stale-after=10m"  # for half as long: nobody waits for their end
    with live.program(kubeconfig, "--drain", watches_last, live.LONG_LEASE) as program:
        wait_until(lambda: leading(program) == 1)

        program.process.signal(signal.SIGTERM)

        assert program.process.wait() == 0
    assert not lease(cluster).get("holderIdentity")


@pytest.mark.cluster
def test_one_of_two_replicas_drains_and_the_other_takes_over(
    cluster: Cluster, kubeconfig: Path
) -> None:
    flags = ("--drain", "--lease.duration=3s", "--drain.interval=200ms")
    with live.program(kubeconfig, *flags) as one, live.program(kubeconfig, *flags) as two:
        renewed: set[str] = set()

        def watched() -> bool:
            before = lease(cluster)
            both = leading(one) + leading(two) == 2
            after = lease(cluster)
            renewed.add(after.get("renewTime", ""))
            # it may change hands whenever the machine stalls: then each led at its own time
            assert not both or before.get("leaseTransitions") != after.get("leaseTransitions")
            return len(renewed) > 4

        wait_until(watched, what="the Lease is renewed some times")
        first, second = wait_until(lambda: leader_and_other(one, two), what="one of them leads")

        first.process.kill()

        wait_until(lambda: leading(second) == 1)


def lease(cluster: Cluster) -> dict[str, Any]:
    """Return what is written in the Lease; nothing before there is one."""
    path = "/apis/coordination.k8s.io/v1/namespaces/railwatch/leases"
    found = cluster.api.items(path)
    return dict(found[0]["spec"]) if found else {}


def leader_and_other(one: Program, two: Program) -> tuple[Program, Program] | None:
    if leading(one):
        return one, two
    return (two, one) if leading(two) else None


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
        status, said = wait_until(lambda: not_ready(program, "forbidden"))

    assert status == 503
    assert 'User "nobody" cannot list resource "nodes"' in said


def not_ready(program: Program, why: str) -> tuple[int, str] | None:
    answer = program.get("/readyz")
    return answer if why in answer[1] else None


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
        wait_until(lambda: passed(program, "silent-0", "unheard-of") == ["unheard-of"])

        cluster.apiserver.pause()
        try:
            wait_until(lambda: not program.is_ready())
            assert passed(program, "silent-0") == ["silent-0"]
            assert "old" in program.get("/readyz")[1]
        finally:
            cluster.apiserver.resume()

        wait_until(lambda: passed(program, "silent-0") == [], what="the node is refused again")


def _devices() -> str:
    whole = fault("cordon", "applied", device="node")
    entry = {n: getattr(whole, n) for n in ("condition", "verdict", "action", "fault", "since")}
    return json.dumps({"node": [entry]})


@pytest.mark.cluster
def test_it_waits_for_a_server_that_is_not_up_yet(cluster: Cluster, kubeconfig: Path) -> None:
    cluster.apiserver.stop()
    try:
        with live.program(kubeconfig, ready=False) as program:
            wait_until(lambda: not_ready(program, "unreachable"))
            assert program.get("/healthz")[0] == 200
            assert passed(program, "anything") == ["anything"]

            cluster.apiserver.start()

            wait_until(program.is_ready)
    finally:
        if not cluster.apiserver.process.running:
            cluster.apiserver.start()
