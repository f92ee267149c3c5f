"""The kinds that prometheus-operator defines, from its own pinned Go module.

Nothing of it is built or started: its CustomResourceDefinitions are what rendered objects are
held against.
"""

import json
import subprocess
from functools import cache
from os import environ
from pathlib import Path
from typing import Any

import yaml

from program.errors import ProgramError
from testbed.golang import find_go
from testbed.pins import Workshop

MODULE = "github.com/prometheus-operator/prometheus-operator"
_FOLDER = "prometheus-operator"
_DEFINITIONS = "example/prometheus-operator-crd"
_GO = (1, 21)
"""Modules are only fetched: any Go that knows their checksums will do."""


class _Loader(yaml.CSafeLoader):
    """Takes a lone `=`, which is one of the matchers and has a meaning in YAML 1.1, for text."""


_Loader.add_constructor("tag:yaml.org,2002:value", lambda _, node: node.value)


@cache
def module() -> Path:
    """Return the folder of the operator's module, fetched where it is not there yet.

    Its checksum stands in tools/prometheus-operator/go.sum. ProgramError: it cannot be had.
    """
    shop = Workshop()
    go = find_go(_GO, shop.kept)
    done = subprocess.run(
        [go.program, "mod", "download", "-json", MODULE],
        cwd=shop.pins / _FOLDER,
        env={**environ, **go.environment},
        capture_output=True,
        text=True,
        check=False,
    )
    found = json.loads(done.stdout) if done.stdout else {}
    if done.returncode != 0 or "Dir" not in found:
        reason = found.get("Error") or done.stderr.strip() or "go says nothing"
        raise ProgramError(f"prometheus-operator's module cannot be fetched: {reason}")
    return Path(found["Dir"])


def definition(plural: str) -> dict[str, Any]:
    """Return the CustomResourceDefinition of a kind, such as `podmonitors`."""
    path = module() / _DEFINITIONS / f"monitoring.coreos.com_{plural}.yaml"
    (made,) = documents(path.read_text(encoding="utf-8"))
    return made


def documents(text: str) -> list[dict[str, Any]]:
    """Return YAML documents as Go's tools write and read them."""
    return list(yaml.load_all(text, Loader=_Loader))
