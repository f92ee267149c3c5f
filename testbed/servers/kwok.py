"""KWOK, in place of kubelets: nodes become Ready, pods run as soon as they are bound, and go on."""

from collections.abc import Sequence
from pathlib import Path

from testbed.http import Client
from testbed.servers.apiserver import ApiServer
from testbed.servers.server import Server

_STAGES = Path(__file__).resolve().parent.parent / "stages"


class Kwok(Server):
    """Plays the kubelet of every node."""

    program = "kwok"

    def __init__(
        self,
        apiserver: ApiServer,
        *,
        stages: Path = _STAGES,
        flags: Sequence[str] = (),
        logs: Path | None = None,
    ) -> None:
        """Prepare the kubelets of an API server; `stages` is a folder of KWOK's Stage files."""
        super().__init__(flags=flags, logs=logs)
        self._apiserver = apiserver
        self._stages = stages

    def arguments(self) -> list[str]:
        """Manage every node, keep its lease, and go through the stages."""
        return [
            f"--kubeconfig={self._apiserver.kubeconfig}",
            f"--server-address=127.0.0.1:{self.port}",
            "--manage-all-nodes=true",
            "--node-ip=127.0.0.1",
            "--node-lease-duration-seconds=40",
            *(f"--config={stage}" for stage in sorted(self._stages.glob("*.yaml"))),
        ]

    def is_ready(self) -> bool:
        """Whether its controllers run."""
        return Client(self.url).is_ok("/readyz")
