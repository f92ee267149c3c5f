"""Alertmanager, with the routes of whoever starts it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from testbed.http import Client
from testbed.servers.server import Server

_OK = 200


class Alertmanager(Server):
    """An Alertmanager alone, whose silences and notifications last over any stop and start."""

    program = "alertmanager"

    def __init__(
        self, config: str | Path, *, flags: Sequence[str] = (), logs: Path | None = None
    ) -> None:
        """Prepare an Alertmanager; `config` is YAML text, or a file that is read where it lies."""
        super().__init__(flags=flags, logs=logs)
        self._config = config

    def prepare(self) -> None:
        """Write a configuration that was given as text."""
        if isinstance(self._config, str):
            self._file.write_text(self._config, encoding="utf-8")

    def arguments(self) -> list[str]:
        """Keep the data in the private directory; look for no peers."""
        return [
            f"--config.file={self._file}",
            f"--storage.path={self.directory / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--cluster.listen-address=",
        ]

    def is_ready(self) -> bool:
        """Whether it takes alerts."""
        return Client(self.url).is_ok("/-/ready")

    def alerts(self) -> list[dict[str, Any]]:
        """Return the alerts it holds, as /api/v2/alerts tells them."""
        answer = Client(self.url).request("GET", "/api/v2/alerts")
        if answer.status != _OK:
            raise ValueError(f"/api/v2/alerts: {answer.text}")
        found: list[dict[str, Any]] = answer.json()
        return found

    @property
    def _file(self) -> Path:
        if isinstance(self._config, Path):
            return self._config.resolve()
        return self.directory / "alertmanager.yaml"
