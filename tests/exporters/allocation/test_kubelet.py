"""Speaking to a kubelet: a real gRPC server on a unix socket."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporters.allocation import grpc, pods
from exporters.allocation.kubelet import SOCKET, Kubelet
from exporters.allocation.pods import allocatable_of, holdings_of
from exporters.errors import ReadingError
from exporters.facility import Outcome, State
from exporters.runtime import run
from testbed.directories import private_directory
from testbed.kubelet import Pod, SimulatedKubelet, gpu_pod
from testbed.waiting import PATIENCE
from tests.budget import examples

ONE = "GPU-11111111-8024-5293-9cdc-b996da010db9"
TWO = "GPU-22222222-8024-5293-9cdc-b996da010db9"


@pytest.fixture
def directory() -> Iterator[Path]:
    """A path short enough for a socket's."""
    with private_directory("kubelet") as made:
        yield made


@pytest.fixture
def server(directory: Path) -> Iterator[SimulatedKubelet]:
    with SimulatedKubelet(directory) as kubelet:
        kubelet.pods = [gpu_pod("a", ONE), gpu_pod("b", f"{TWO}::0")]
        kubelet.allocatable = {"nvidia.com/gpu": [ONE, f"{TWO}::0", f"{TWO}::1"]}
        yield kubelet


def client(
    directory: Path, *, deadline: float = PATIENCE, ended: tuple[str, ...] = (), seen: bool = False
) -> Kubelet:
    return Kubelet(
        str(directory), deadline, lambda: lambda _namespace, pod: pod in ended, seen=seen
    )


def read(kubelet: Kubelet) -> Outcome:
    return run(pods.FACILITY, (kubelet,))


def held(outcome: Outcome) -> dict[str, str]:
    return {holding.pod: holding.device for holding in holdings_of(outcome)}


def test_pods_and_what_there_is(server: SimulatedKubelet) -> None:
    outcome = read(client(server.directory))

    assert outcome.state is State.OK
    assert held(outcome) == {"a": ONE, "b": f"{TWO}::0"}
    assert list(allocatable_of(outcome)) == [
        ("nvidia.com/gpu", ONE),
        ("nvidia.com/gpu", f"{TWO}::0"),
        ("nvidia.com/gpu", f"{TWO}::1"),
    ]


def test_pods_without_a_gpu_are_no_notes(server: SimulatedKubelet) -> None:
    server.pods = [Pod(name="plain"), gpu_pod("nic", "mlx5_0", resource="nvidia.com/hostdev")]

    assert held(read(client(server.directory))) == {}


def test_pods_that_have_ended_are_left_out_and_counted(server: SimulatedKubelet) -> None:
    outcome = read(client(server.directory, ended=("a",)))

    assert held(outcome) == {"b": f"{TWO}::0"}
    assert [note.value for note in outcome.notes if note.name == pods.TERMINATED] == [1]


def test_too_many_are_cut_and_counted(server: SimulatedKubelet) -> None:
    server.pods = [gpu_pod(f"pod-{n}", f"{ONE}::{n}") for n in range(pods.MOST + 5)]

    outcome = read(client(server.directory))

    assert len(holdings_of(outcome)) == pods.MOST
    assert [note.value for note in outcome.notes if note.name == pods.OMITTED] == [5]


def test_no_socket_is_no_kubelet(directory: Path) -> None:
    kubelet = client(directory)

    assert read(kubelet).state is State.ABSENT
    assert kubelet.missing.startswith(f"{directory}/{SOCKET}: no kubelet here")


def test_a_kubelet_that_restarts_is_found_again(server: SimulatedKubelet) -> None:
    kubelet = client(server.directory)
    read(kubelet)

    server.stop()

    gone = read(kubelet)
    assert gone.state is State.FAILED
    assert "No such file" in gone.problem
    server.start()
    assert held(read(kubelet)) == {"a": ONE, "b": f"{TWO}::0"}


def test_a_kubelet_that_was_once_there_is_missed(directory: Path) -> None:
    assert read(client(directory, seen=True)).state is State.FAILED


def test_a_socket_that_nobody_listens_on_is_a_failure(directory: Path) -> None:
    with socket.socket(socket.AF_UNIX) as abandoned:
        abandoned.bind(str(directory / SOCKET))

        outcome = read(client(directory))

    assert outcome.state is State.FAILED
    assert "refused" in outcome.problem


def test_a_kubelet_that_hangs_is_given_up(server: SimulatedKubelet) -> None:
    server.hang()

    outcome = read(client(server.directory, deadline=0.5))

    assert outcome.state is State.FAILED
    assert "no answer within 0.5 s" in outcome.problem
    server.resume()
    assert read(client(server.directory)).state is State.OK


def test_an_answer_of_many_megabytes_is_read(server: SimulatedKubelet) -> None:
    server.pods = [gpu_pod(f"{n:0240}", ONE) for n in range(20_000)]

    outcome = read(client(server.directory))

    assert outcome.state is State.OK
    assert len(holdings_of(outcome)) == pods.MOST


def test_an_answer_beyond_all_bounds_is_refused(server: SimulatedKubelet) -> None:
    server.raw = bytes(grpc.LIMIT + 1)

    outcome = read(client(server.directory))

    assert outcome.state is State.FAILED
    assert "more than 16777216 bytes" in outcome.problem


def test_a_message_that_is_none_is_a_failure(server: SimulatedKubelet) -> None:
    server.raw = b"\x0a\xff"

    outcome = read(client(server.directory))

    assert outcome.state is State.FAILED
    assert not holdings_of(outcome)


def test_a_method_that_the_server_lacks_is_absent(server: SimulatedKubelet) -> None:
    with (
        grpc.Channel(str(server.socket), PATIENCE) as channel,
        pytest.raises(ReadingError, match="gRPC status 12") as raised,
    ):
        channel.call("/v1.PodResourcesLister/Missing")

    assert type(raised.value).__name__ == "Absent"


def test_a_servers_own_error_is_told(server: SimulatedKubelet) -> None:
    server.fail = "rejected by rate limit"

    outcome = read(client(server.directory))

    assert outcome.state is State.FAILED
    assert "gRPC status 8 rejected by rate limit" in outcome.problem


@contextmanager
def saying(directory: Path, answer: bytes) -> Iterator[None]:
    """A server that says the same to all, whatever they ask, and hangs up."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(directory / SOCKET))
        listening.listen()

        def serve() -> None:
            for _ in range(2):
                try:
                    connection, _address = listening.accept()
                except OSError:
                    return
                with connection, suppress(OSError):  # who asked may have had enough
                    connection.settimeout(PATIENCE)
                    connection.recv(1 << 16)
                    connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()
            (directory / SOCKET).unlink()


@pytest.mark.fuzz
@settings(
    max_examples=examples(60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.binary(max_size=80)
    | st.lists(
        st.tuples(
            st.integers(0, 10), st.integers(0, 255), st.integers(0, 3), st.binary(max_size=30)
        ),
        max_size=4,
    ).map(
        lambda frames: b"".join(
            len(body).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + body
            for kind, flags, stream, body in frames
        )
    )
)
def test_a_server_that_speaks_nonsense_is_a_failure(directory: Path, answer: bytes) -> None:
    with saying(directory, answer):
        outcome = read(client(directory))

    assert outcome.state is State.FAILED
    assert not outcome.samples
