"""What kubeconform finds in objects, by the schemas that a running API server publishes.

Kinds of operators' definitions are among them once these are created. Nothing is downloaded.
"""

import json
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from testbed.api import Api, ApiError
from testbed.tools import ensure
from testbed.waiting import wait_until

Document = dict[str, Any]
Kind = tuple[str, str]
"""An apiVersion and a kind."""

_PREFIX = "#/components/schemas/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schemas:
    """A folder with a JSON schema for each of some kinds."""

    folder: Path

    def check(self, *paths: Path) -> subprocess.CompletedProcess[str]:
        """Run kubeconform over files and folders: unknown fields and kinds are errors."""
        where = f"{self.folder}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"
        return subprocess.run(
            [ensure("kubeconform")["kubeconform"], "-strict", "-summary", "-output", "json",
             "-ignore-filename-pattern", "kustomization", "-schema-location", where, *paths],
            capture_output=True, text=True, check=False, timeout=240,
        )  # fmt: skip


def publish(api: Api, items: Iterable[Mapping[str, Any]], folder: Path) -> Schemas:
    """Write a schema for each kind that stands among these objects."""
    folder.mkdir()
    kinds = {(str(item["apiVersion"]), str(item["kind"])) for item in items}
    for version in sorted({version for version, _ in kinds}):
        wanted = {kind for group, kind in kinds if group == version}
        document = wait_until(
            partial(_published, api, version, wanted), what=f"{version} published"
        )
        for name, schema in document.items():
            if {found for group, found in _kinds(schema) if group == version} & wanted:
                _write(folder, name, document, version)
    return Schemas(folder=folder)


def _published(api: Api, version: str, kinds: set[str]) -> Document:
    """Return the schemas of a group's version; none until these kinds are among them."""
    path = f"apis/{version}" if "/" in version else f"api/{version}"
    try:
        found: Document = api.get(f"/openapi/v3/{path}")["components"]["schemas"]
    except ApiError:
        return {}
    served = {kind for schema in found.values() for _, kind in _kinds(schema)}
    return found if kinds <= served else {}


def _kinds(schema: Mapping[str, Any]) -> Iterator[Kind]:
    for kind in schema.get("x-kubernetes-group-version-kind", ()):
        group = f"{kind['group']}/" if kind["group"] else ""
        yield f"{group}{kind['version']}", kind["kind"]


def _write(folder: Path, name: str, document: Document, version: str) -> None:
    """Write a kind's schema with those that it is made of, closed."""
    made = {each: closed(document[each]) for each in _reached(name, document)}
    whole = {"$ref": _PREFIX + name, "components": {"schemas": made}}
    kind = next(kind for group, kind in _kinds(document[name]) if group == version)
    group, _, number = version.rpartition("/")
    first = f"{group.partition('.')[0]}-" if group else ""
    path = folder / f"{kind}-{first}{number}.json".lower()
    path.write_text(json.dumps(whole), encoding="utf-8")


def _reached(name: str, document: Document) -> set[str]:
    """Return the names of the schemas that one is made of, its own with them."""
    found: set[str] = set()
    open_ = [name]
    while open_:
        one = open_.pop()
        if one not in found:
            found.add(one)
            open_ += _references(document[one])
    return found


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, list):
        for each in part:
            yield from _references(each)
    elif isinstance(part, dict):
        for key, value in part.items():
            if key == "$ref" and isinstance(value, str):
                yield value.removeprefix(_PREFIX)
            else:
                yield from _references(value)


def closed(schema: Any) -> Any:
    """Return a schema that refuses what it does not know, where it knows anything."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: closed(value) for key, value in schema.items()}
    if isinstance(made.get("properties"), dict) and "additionalProperties" not in made:
        made["additionalProperties"] = False
    return made
