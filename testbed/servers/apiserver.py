"""kube-apiserver: real TLS, real RBAC, and users made as tests need them."""

import json
from collections.abc import Sequence
from pathlib import Path

from testbed.api import Api
from testbed.certificates import Authority, Certificate, file_name, new_key, write_key
from testbed.http import Client, Identity
from testbed.servers.etcd import Etcd
from testbed.servers.server import Server

_FEATURES = "GenericWorkload,GangScheduling,DRADeviceTaints,DRADeviceTaintRules"
"""Gangs and per-device taints, which are still behind gates."""

_BEGUN = (
    "/readyz",
    "/api/v1/namespaces/kube-node-lease",
    "/api/v1/namespaces/default/services/kubernetes",
    "/apis/networking.k8s.io/v1/servicecidrs/kubernetes",
)
"""What answers once it is ready, and has made its first objects, which it does after that."""

_SERVED = (
    "scheduling.k8s.io/v1alpha2",
    "resource.k8s.io/v1beta2",
    "resource.k8s.io/v1alpha3",
)


class ApiServer(Server):
    """The Kubernetes API; its administrator is in the group system:masters."""

    program = "kube-apiserver"
    grace = 2.0  # by itself it waits a minute for its clients to end their watches

    def __init__(
        self,
        etcd: Etcd,
        *,
        flags: Sequence[str] = (),
        accounts: bool = False,
        logs: Path | None = None,
    ) -> None:
        """Prepare an API server that keeps its objects in `etcd`.

        With `accounts` a pod needs its service account, and is given a volume for its token.
        """
        super().__init__(flags=flags, logs=logs)
        self._etcd = etcd
        self._accounts = accounts
        self._authority: Authority | None = None
        self._admin: Certificate | None = None
        self._serving: Certificate | None = None
        self._api: Api | None = None

    @property
    def url(self) -> str:
        """Where it serves, with TLS only."""
        return f"https://127.0.0.1:{self.port}"

    @property
    def ca_file(self) -> Path:
        """The authority that signed its certificate, and those of its users."""
        return self._signer.ca

    @property
    def service_account_key(self) -> Path:
        """The private key that it signs service accounts' tokens with."""
        return self.directory / "service-accounts.key"

    @property
    def serving_certificate(self) -> Certificate:
        """A certificate for servers on 127.0.0.1."""
        assert self._serving is not None, "the API server is not started"
        return self._serving

    @property
    def admin(self) -> Identity:
        """Who the administrator is, and whom it trusts."""
        assert self._admin is not None, "the API server is not started"
        return Identity(ca=self.ca_file, certificate=self._admin.certificate, key=self._admin.key)

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        assert self._admin is not None, "the API server is not started"
        return self._write_kubeconfig("admin", self._admin)

    @property
    def api(self) -> Api:
        """The API as the administrator sees it, on connections that are kept."""
        if self._api is None:
            self._api = Api(Client(self.url, self.admin))
        return self._api

    def kubeconfig_for(self, user: str, groups: Sequence[str] = ()) -> Path:
        """Return the kubeconfig of a user who has only what RBAC grants.

        A service account's name is `system:serviceaccount:NAMESPACE:NAME`.
        """
        certificate = self._signer.client(user, tuple(groups))
        return self._write_kubeconfig(file_name(user, tuple(groups)), certificate)

    def prepare(self) -> None:
        """Make the authority, the certificates and the service accounts' key."""
        self._api = None
        self._authority = Authority(self.directory)
        self._serving = self._authority.server(self.program)
        self._admin = self._authority.client("admin", ("system:masters",))
        write_key(self.service_account_key, new_key())

    def arguments(self) -> list[str]:
        """Serve on TLS with RBAC."""
        serving = self.serving_certificate
        return [
            f"--etcd-servers={self._etcd.url}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",  # else it looks for a default route
            f"--secure-port={self.port}",
            f"--tls-cert-file={serving.certificate}",
            f"--tls-private-key-file={serving.key}",
            f"--client-ca-file={self.ca_file}",
            f"--service-account-key-file={self.service_account_key}",
            f"--service-account-signing-key-file={self.service_account_key}",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--endpoint-reconciler-type=none",  # there is no service network to be reached from
            "--authorization-mode=RBAC",
            *(() if self._accounts else ("--disable-admission-plugins=ServiceAccount",)),
            "--allow-privileged=true",
            f"--feature-gates={','.join(f'{name}=true' for name in _FEATURES.split(','))}",
            f"--runtime-config={','.join(f'{version}=true' for version in _SERVED)}",
        ]

    def is_ready(self) -> bool:
        """Whether its own checks pass, RBAC's roles among them, and its first objects are there."""
        client = Client(self.url, self.admin)
        return all(map(client.is_ok, _BEGUN))

    @property
    def _signer(self) -> Authority:
        assert self._authority is not None, "the API server is not started"
        return self._authority

    def _write_kubeconfig(self, name: str, certificate: Certificate) -> Path:
        """Write a kubeconfig as JSON, which every reader of YAML reads."""
        path = self.directory / f"{name}.kubeconfig"
        user = {
            "client-certificate": str(certificate.certificate),
            "client-key": str(certificate.key),
        }
        cluster = {"server": self.url, "certificate-authority": str(self.ca_file)}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "testbed", "cluster": cluster}],
            "users": [{"name": name, "user": user}],
            "contexts": [{"name": name, "context": {"cluster": "testbed", "user": name}}],
            "current-context": name,
        }
        path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        return path
