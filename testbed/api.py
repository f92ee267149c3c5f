"""The Kubernetes API as tests use it: objects as they stand in YAML, nothing in between."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from testbed.http import Answer, Client
from testbed.waiting import wait_until

Object = dict[str, Any]

_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"
_STRATEGIC = "application/strategic-merge-patch+json"
_NOT_FOUND = 404


class ApiError(Exception):
    """The API refused a request; `status` is HTTP's, the message the server's own."""

    def __init__(self, status: int, message: str) -> None:
        """Keep the status beside the message."""
        super().__init__(f"{status}: {message}")
        self.status = status


class Api:
    """Requests by path, or by object."""

    def __init__(self, client: Client) -> None:
        """Speak through a client that carries the user's identity."""
        self._client = client

    def get(self, path: str) -> Object:
        """Return what stands at a path such as /api/v1/nodes/gpu-0."""
        return self._done("GET", path)

    def items(self, path: str) -> list[Object]:
        """Return the objects of a list such as /api/v1/nodes?labelSelector=a%3Db."""
        found: list[Object] = self._done("GET", path)["items"]
        return found

    def create(self, item: Mapping[str, Any], *, strict: bool = False) -> Object:
        """Create an object; strictly: fields that its kind does not have are refused."""
        query = "?fieldValidation=Strict" if strict else ""
        return self._done("POST", self.collection(item) + query, item)

    def post(self, path: str, body: Mapping[str, Any]) -> Object:
        """Ask for what only an answer tells, such as a service account's token."""
        return self._done("POST", path, body)

    def merge(self, path: str, change: Mapping[str, Any]) -> Object:
        """Merge a change into what stands at a path: lists are replaced, null removes."""
        return self._done("PATCH", path, change, _MERGE)

    def merge_by_key(self, path: str, change: Mapping[str, Any]) -> Object:
        """Merge a change as kubectl does: conditions by type, taints by key."""
        return self._done("PATCH", path, change, _STRATEGIC)

    def delete(self, path: str) -> None:
        """Delete what stands at a path; it may be gone already."""
        try:
            self._done("DELETE", path)
        except ApiError as error:
            if error.status != _NOT_FOUND:
                raise

    def apply(self, source: Path | Iterable[Mapping[str, Any]]) -> list[Object]:
        """Create or change objects (server-side apply), in order.

        A path is a YAML file, or a folder whose YAML files are taken in the order of their names.
        """
        items = read_objects(source) if isinstance(source, Path) else source
        return [self._apply(item) for item in items]

    def path(self, item: Mapping[str, Any]) -> str:
        """Return the path of an object."""
        return f"{self.collection(item)}/{item['metadata']['name']}"

    def collection(self, item: Mapping[str, Any]) -> str:
        """Return the path of an object's kind, in its namespace (by default `default`).

        A kind that was defined just now may take a moment to be served.
        """
        version = str(item["apiVersion"])
        prefix = f"/apis/{version}" if "/" in version else f"/api/{version}"
        resource = wait_until(
            lambda: self._resource(prefix, str(item["kind"])),
            what=f"the API serves no {item['kind']} in {version}",
        )
        if not resource["namespaced"]:
            return f"{prefix}/{resource['name']}"
        namespace = item["metadata"].get("namespace", "default")
        return f"{prefix}/namespaces/{namespace}/{resource['name']}"

    def _resource(self, prefix: str, kind: str) -> Object | None:
        answer = self._client.request("GET", prefix)
        if answer.status == _NOT_FOUND:
            return None
        resources: list[Object] = _checked(answer)["resources"]
        named = (each for each in resources if each["kind"] == kind and "/" not in each["name"])
        return next(named, None)

    def _apply(self, item: Mapping[str, Any]) -> Object:
        path = f"{self.path(item)}?fieldManager=testbed&force=true"
        return self._done("PATCH", path, item, _APPLY)

    def _done(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
    ) -> Object:
        text = None if body is None else json.dumps(body)
        return _checked(self._client.request(method, path, body=text, content_type=content_type))


def read_objects(path: Path) -> list[Object]:
    """Read the objects of a YAML file, or of a folder's; kustomize's own file is no object."""
    files = sorted(path.glob("*.yaml")) if path.is_dir() else [path]
    documents = [
        document
        for file in files
        if file.name != "kustomization.yaml"
        for document in yaml.safe_load_all(file.read_text(encoding="utf-8"))
    ]
    return [document for document in documents if document]


def _checked(answer: Answer) -> Object:
    if answer.status >= 400:  # noqa: PLR2004 - HTTP
        raise ApiError(answer.status, _message(answer))
    found: Object = answer.json()
    return found


def _message(answer: Answer) -> str:
    try:
        return str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        return answer.text
