"""kube-controller-manager and kube-scheduler."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from testbed.api import ApiError
from testbed.http import Client
from testbed.servers.apiserver import ApiServer
from testbed.servers.server import Server

_DEFAULT_ACCOUNT = "/api/v1/namespaces/default/serviceaccounts/default"


class ControllerManager(Server):
    """All controllers but the one that hands out pod networks."""

    program = "kube-controller-manager"

    def __init__(
        self, apiserver: ApiServer, *, flags: Sequence[str] = (), logs: Path | None = None
    ) -> None:
        """Prepare the controllers of an API server."""
        super().__init__(flags=flags, logs=logs)
        self._apiserver = apiserver

    @property
    def url(self) -> str:
        """Where it tells of its health, with TLS only."""
        return f"https://127.0.0.1:{self.port}"

    def arguments(self) -> list[str]:
        """Be the only one, so that nobody need be elected."""
        return [
            f"--kubeconfig={self._apiserver.kubeconfig}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self.port}",
            *_serving(self._apiserver),
            "--leader-elect=false",
            "--controllers=*,-node-ipam-controller",
            f"--service-account-private-key-file={self._apiserver.service_account_key}",
            f"--root-ca-file={self._apiserver.ca_file}",
        ]

    def is_ready(self) -> bool:
        """Whether it is healthy and its work shows: the namespace `default` has its account."""
        return _client(self._apiserver, self.url).is_ok("/healthz") and self._has_worked()

    def _has_worked(self) -> bool:
        try:
            return bool(self._apiserver.api.get(_DEFAULT_ACCOUNT))
        except ApiError:
            return False


class Scheduler(Server):
    """A stock kube-scheduler, as it is or with a configuration such as ours."""

    program = "kube-scheduler"

    def __init__(
        self,
        apiserver: ApiServer,
        *,
        config: str | Path | None = None,
        flags: Sequence[str] = (),
        logs: Path | None = None,
    ) -> None:
        """Prepare a scheduler of an API server.

        `config` is a KubeSchedulerConfiguration, as text or as a file. It acts as the
        administrator where its `clientConnection` names nobody else; nobody is elected.
        """
        super().__init__(flags=flags, logs=logs)
        self._apiserver = apiserver
        self._config = config

    @property
    def url(self) -> str:
        """Where it tells of its health, with TLS only."""
        return f"https://127.0.0.1:{self.port}"

    def prepare(self) -> None:
        """Write the configuration that it reads."""
        text = self._config.read_text("utf-8") if isinstance(self._config, Path) else self._config
        document: dict[str, Any] = yaml.safe_load(text or "") or {}
        document = {
            "apiVersion": "kubescheduler.config.k8s.io/v1",
            "kind": "KubeSchedulerConfiguration",
            "clientConnection": {"kubeconfig": str(self._apiserver.kubeconfig)},
            **document,
            "leaderElection": {"leaderElect": False},
        }
        self._file.write_text(yaml.safe_dump(document), encoding="utf-8")

    def arguments(self) -> list[str]:
        """Read the configuration; serve health on TLS."""
        return [
            f"--config={self._file}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self.port}",
            *_serving(self._apiserver),
        ]

    def is_ready(self) -> bool:
        """Whether it knows the cluster's nodes and pods."""
        return _client(self._apiserver, self.url).is_ok("/readyz")

    @property
    def _file(self) -> Path:
        return self.directory / "scheduler.yaml"


def _serving(apiserver: ApiServer) -> list[str]:
    certificate = apiserver.serving_certificate
    return [
        f"--tls-cert-file={certificate.certificate}",
        f"--tls-private-key-file={certificate.key}",
    ]


def _client(apiserver: ApiServer, url: str) -> Client:
    return Client(url, apiserver.admin)
