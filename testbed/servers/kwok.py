"""KWOK, in place of kubelets: nodes become Ready, pods run as soon as they are bound, and go on."""

import json
from collections.abc import Sequence
from pathlib import Path

import yaml

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
        spared: Sequence[str] = (),
        flags: Sequence[str] = (),
        logs: Path | None = None,
    ) -> None:
        """Prepare the kubelets of an API server; `stages` is a folder of KWOK's Stage files.

        Pods of the namespaces in `spared` are somebody else's to play.
        """
        super().__init__(flags=flags, logs=logs)
        self._apiserver = apiserver
        self._stages = stages
        self._spared = spared

    def prepare(self) -> None:
        """Write the stages, those of pods without the namespaces that are spared."""
        for file in sorted(self._stages.glob("*.yaml")):
            stage = yaml.safe_load(file.read_text(encoding="utf-8"))
            if stage["spec"]["resourceRef"]["kind"] == "Pod" and self._spared:
                spared = {"key": ".metadata.namespace", "operator": "NotIn", "values": self._spared}
                stage["spec"]["selector"]["matchExpressions"].append(spared)
            (self.directory / file.name).write_text(json.dumps(stage), encoding="utf-8")

    def arguments(self) -> list[str]:
        """Manage every node, keep its lease, and go through the stages."""
        return [
            f"--kubeconfig={self._apiserver.kubeconfig}",
            f"--server-address=127.0.0.1:{self.port}",
            "--manage-all-nodes=true",
            "--node-ip=127.0.0.1",
            "--node-lease-duration-seconds=40",
            *(f"--config={stage}" for stage in sorted(self.directory.glob("*.yaml"))),
        ]

    def is_ready(self) -> bool:
        """Whether its controllers run."""
        return Client(self.url).is_ok("/readyz")
