"""Pods as processes: what the API server says of a container is what its process has."""

import json
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from testbed.pods import Machine, Network
from testbed.pods.container import Container
from testbed.pods.fields import expanded
from testbed.pods.forward import Forward
from testbed.pods.network import reach
from tests.packages import needs

pytestmark = [pytest.mark.netns, needs("iproute2")]

SEE = """
import json, os, pathlib, socket
status = dict(l.split(":", 1) for l in open("/proc/self/status") if ":" in l)
def writes(path):
    try:
        pathlib.Path(path).write_text("x")
    except OSError as error:
        return error.strerror
    return "written"
print(json.dumps({
    "user": os.getuid(), "group": os.getgid(), "groups": os.getgroups(),
    "capabilities": status["CapPrm"].strip(), "bounding": status["CapBnd"].strip(),
    "new": status["NoNewPrivs"].strip(), "environment": dict(os.environ),
    "host": socket.gethostname(), "root": writes("/file"), "tmp": writes("/tmp/file"),
    "config": pathlib.Path("/etc/railwatch/key").read_text(),
    "read-only": writes("/etc/railwatch/key"), "sys": sorted(os.listdir("/host/sys")),
}))
"""
RESTRICTED = {
    "runAsNonRoot": True,
    "runAsUser": 4242,
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
SEEING = {
    "command": [sys.executable, "-c", SEE],
    "env": [
        {"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
        {"name": "PLACE", "value": "at $(NODE_NAME)"},
    ],
    "securityContext": RESTRICTED,
    "volumeMounts": [
        {"name": "tmp", "mountPath": "/tmp"},
        {"name": "config", "mountPath": "/etc/railwatch", "readOnly": True},
        {"name": "sys", "mountPath": "/host/sys", "readOnly": True},
    ],
}


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    with Network() as made:
        yield made


@pytest.fixture
def machine(network: Network, tmp_path: Path) -> Machine:
    (tmp_path / "sysfs" / "class").mkdir(parents=True)
    return Machine(
        name="gpu-7",
        interface=network.join(),
        directory=tmp_path / "disk",
        paths={"/sys": tmp_path / "sysfs"},
    )


def a_pod(*containers: dict[str, Any]) -> dict[str, Any]:
    return {
        "metadata": {"name": "pod-1", "namespace": "n", "uid": "u"},
        "spec": {
            "nodeName": "gpu-7",
            "serviceAccountName": "account",
            "containers": [{"name": "main", "command": ["true"], **each} for each in containers],
        },
    }


def test_a_process_has_its_containers_user_rights_environment_and_files(
    machine: Machine, tmp_path: Path
) -> None:
    volumes = {name: tmp_path / name for name in ("tmp", "config")}
    for folder in volumes.values():
        folder.mkdir()
        folder.chmod(0o777)
    (volumes["config"] / "key").write_text("value")
    volumes["sys"] = machine.path("/sys", "Directory")
    (tmp_path / "hosts").touch()
    pod = a_pod(SEEING)
    container = Container(pod["spec"]["containers"][0], pod, machine, volumes)

    process = container.process(
        machine.interface.namespace,
        {"A_SERVICE_HOST": "10.96.0.9"},
        tmp_path / "hosts",
        tmp_path,
        tmp_path,
    )
    with process:
        assert process.wait() == 0, process.tail()

    seen = json.loads(process.log.read_text())
    assert (seen["user"], seen["group"], seen["groups"]) == (4242, 0, [])
    assert {seen["capabilities"], seen["bounding"]} == {"0" * 16}
    assert seen["new"] == "1"
    assert seen["host"] == "pod-1"
    assert seen["environment"]["PLACE"] == "at gpu-7"
    assert seen["environment"]["A_SERVICE_HOST"] == "10.96.0.9"
    assert "VIRTUAL_ENV" not in seen["environment"]
    assert seen["root"] == "Read-only file system"
    assert seen["tmp"] == "written"
    assert (volumes["tmp"] / "file").exists()
    assert seen["config"] == "value"
    assert seen["read-only"] == "Read-only file system"
    assert seen["sys"] == ["class"]


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"securityContext": {"procMount": "Unmasked"}}, "procMount"),
        ({"securityContext": {"capabilities": {"add": ["NET_ADMIN"]}}}, "capabilities"),
        ({}, "capabilities"),
        (
            {
                "securityContext": RESTRICTED,
                "volumeMounts": [{"name": "tmp", "mountPath": "/t", "subPath": "a"}],
            },
            "subPath",
        ),
    ],
)
def test_what_is_not_played_is_refused(
    spec: dict[str, Any], why: str, machine: Machine, tmp_path: Path
) -> None:
    pod = a_pod(spec)
    with pytest.raises(NotImplementedError, match=why):
        Container(pod["spec"]["containers"][0], pod, machine, {"tmp": tmp_path}).process(
            machine.interface.namespace, {}, tmp_path / "hosts", tmp_path, tmp_path
        )


def test_root_is_refused_where_a_container_shall_not_be_root(
    machine: Machine, tmp_path: Path
) -> None:
    pod = a_pod({"securityContext": {**RESTRICTED, "runAsUser": 0}})

    with pytest.raises(PermissionError, match="runAsNonRoot"):
        Container(pod["spec"]["containers"][0], pod, machine, {}).process(
            machine.interface.namespace, {}, tmp_path / "hosts", tmp_path, tmp_path
        )


def test_a_host_path_that_is_not_there_is_made_only_where_the_pod_says_so(machine: Machine) -> None:
    assert machine.path("/var/lib/railwatch", "DirectoryOrCreate").is_dir()
    with pytest.raises(FileNotFoundError, match="/dev/infiniband"):
        machine.path("/dev/infiniband", "Directory")


@pytest.mark.parametrize(
    ("text", "said"),
    [("$(A)/$(A)", "1/1"), ("$$(A)", "$(A)"), ("$(B) $A", "$(B) $A"), ("$$$(A)", "$1")],
)
def test_variables_stand_in_texts_as_in_kubernetes(text: str, said: str) -> None:
    assert expanded(text, {"A": "1"}) == said


def test_everybody_in_the_network_reaches_everybody_and_its_services(network: Network) -> None:
    near, far = network.join(), network.join()
    listener = far.namespace.inside(lambda: socket.create_server((far.address, 80)))
    echo = Forward(listener, lambda: reach("127.0.0.1", outside.getsockname()[1]))
    outside = socket.create_server(("127.0.0.1", 0))
    network.outside("echo.default", 8080, outside.getsockname()[1])

    with ExitStack() as stack:
        stack.enter_context(outside)
        stack.callback(echo.close)
        for address, port in ((far.address, 80), (network.names["echo.default"], 8080)):
            with near.namespace.inside(lambda: reach(address, port)) as mine:  # noqa: B023 - called here
                there, _ = outside.accept()
                with there:
                    mine.sendall(b"asked")
                    mine.shutdown(socket.SHUT_WR)
                    assert there.recv(99) == b"asked"
                    assert there.recv(99) == b""
                    there.sendall(b"answered")
                assert mine.recv(99) == b"answered"
                assert mine.recv(99) == b""
