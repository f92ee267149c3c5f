"""Prometheus, with the configuration and rules of whoever starts it."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml

from testbed.http import Client
from testbed.servers.server import Server

_OK = 200
_PATH_LISTS = ("rule_files", "files", "scrape_config_files")


class Prometheus(Server):
    """A Prometheus whose data last from `with` to the end, over any stop and start."""

    program = "prometheus"

    def __init__(
        self,
        config: str | Path,
        *,
        rules: Sequence[Path] = (),
        flags: Sequence[str] = (),
        logs: Path | None = None,
    ) -> None:
        """Prepare a Prometheus.

        `config` is YAML text or a file; relative paths in a file start from its folder. `rules`
        are added to its `rule_files`.
        """
        super().__init__(flags=flags, logs=logs)
        self._config = config
        self._rules = tuple(rules)

    def prepare(self) -> None:
        """Write the configuration that it reads."""
        self._write_config()

    def arguments(self) -> list[str]:
        """Keep the data in the private directory; reload when asked to."""
        return [
            f"--config.file={self._file}",
            f"--storage.tsdb.path={self.directory / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--web.enable-lifecycle",
        ]

    def is_ready(self) -> bool:
        """Whether it serves queries."""
        return Client(self.url).is_ok("/-/ready")

    def reload(self, config: str | Path | None = None) -> None:
        """Read configuration and rules again, or another configuration; ValueError: it is bad."""
        self._config = self._config if config is None else config
        self._write_config()
        answer = Client(self.url).request("POST", "/-/reload")
        if answer.status != _OK:
            raise ValueError(f"{answer.text.strip()}\n{self.process.tail(5)}")

    def query(self, promql: str, *, at: float | None = None) -> list[dict[str, Any]]:
        """Return the series of an instant query, each with `metric` and `value` (time, text).

        `at` is a Unix time, by default now. A scalar is one series without labels. ValueError:
        the query is refused.
        """
        asked = {"query": promql} if at is None else {"query": promql, "time": repr(at)}
        data = self.get(f"/api/v1/query?{urlencode(asked)}")
        if data["resultType"] in ("scalar", "string"):
            return [{"metric": {}, "value": data["result"]}]
        found: list[dict[str, Any]] = data["result"]
        return found

    def value(self, promql: str) -> float:
        """Return the value of a query with exactly one series; NaN where there is none."""
        found = self.query(promql)
        if len(found) > 1:
            raise ValueError(f"{promql!r} has {len(found)} series")
        return float(found[0]["value"][1]) if found else math.nan

    def get(self, path: str) -> Any:
        """Return the data that its API answers, such as /api/v1/alerts; ValueError: refused."""
        answer = Client(self.url).request("GET", path)
        if answer.status != _OK:
            raise ValueError(f"{path}: {answer.text}")
        return answer.json()["data"]

    @property
    def _file(self) -> Path:
        return self.directory / "prometheus.yaml"

    def _write_config(self) -> None:
        if isinstance(self._config, Path):
            read = yaml.safe_load(self._config.read_text(encoding="utf-8"))
            document = _absolute(read, self._config.resolve().parent)
        else:
            document = yaml.safe_load(self._config)
        document = document or {}
        added = [str(rule.resolve()) for rule in self._rules]
        document["rule_files"] = [*(document.get("rule_files") or []), *added]
        self._file.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")


def _absolute(node: Any, folder: Path) -> Any:
    """Return a configuration whose paths start from `folder`, as Prometheus itself reads them."""
    if isinstance(node, list):
        return [_absolute(each, folder) for each in node]
    if not isinstance(node, dict):
        return node
    return {key: _absolute_value(key, value, folder) for key, value in node.items()}


def _absolute_value(key: str, value: Any, folder: Path) -> Any:
    if key in _PATH_LISTS and isinstance(value, list):
        return [str(folder / each) for each in value]
    if key.endswith("_file") and isinstance(value, str):
        return str(folder / value)
    return _absolute(value, folder)
