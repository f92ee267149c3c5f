"""etcd, the store of the Kubernetes API."""

from testbed.http import Client
from testbed.servers.server import Server


class Etcd(Server):
    """One member that answers on plain HTTP and does not wait for the disk."""

    program = "etcd"
    port_count = 2

    def arguments(self) -> list[str]:
        """Serve clients on the first port, itself as its only peer on the second."""
        peer = f"http://127.0.0.1:{self.ports[1]}"
        return [
            f"--data-dir={self.directory / 'data'}",
            f"--listen-client-urls={self.url}",
            f"--advertise-client-urls={self.url}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",
            "--log-level=warn",
        ]

    def is_ready(self) -> bool:
        """Whether it has a leader and serves reads."""
        return Client(self.url).is_ok("/readyz")
