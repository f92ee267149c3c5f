"""Collections that not every cluster has: nothing is asked of what is not served."""

import threading
from typing import Any

import pytest

from scheduler_feedback import served
from scheduler_feedback.errors import KubeError, Unreachable
from scheduler_feedback.watch import Listing


class Kube:
    """Answers whether something is served, once, and is then to be stopped."""

    def __init__(self, answer: bool | KubeError, stop: threading.Event) -> None:  # noqa: FBT001 - an answer
        self.answer = answer
        self.stop = stop
        self.listed = 0

    def serves(self, path: str) -> bool:
        assert path == "/apis/x/v1/things"
        if isinstance(self.answer, KubeError):
            self.stop.set()
            raise self.answer
        if not self.answer:
            self.stop.set()
        return self.answer


class Source:
    """Counts lists; the first ends it all."""

    path = "/apis/x/v1/things"

    def __init__(self, kube: Kube) -> None:
        self.kube = kube

    def list(self) -> Listing:
        self.kube.listed += 1
        self.kube.stop.set()
        raise Unreachable("gone")

    def watch(self, version: str) -> Any:
        raise AssertionError(version)


@pytest.mark.parametrize(
    ("answer", "listed", "failed"),
    [(False, 0, []), (True, 1, ["unreachable"]), (Unreachable("gone"), 0, ["unreachable"])],
)
def test_it_is_listed_only_where_it_is_served(
    answer: bool | KubeError,  # noqa: FBT001 - an answer
    listed: int,
    failed: list[str],
) -> None:
    stop, told = threading.Event(), list[str]()
    kube = Kube(answer, stop)
    client: Any = kube
    source: Any = Source(kube)
    store: Any = None  # nothing comes of it

    served.follow(client, source, store, stop=stop, failed=told.append)

    assert (kube.listed, told) == (listed, failed)
