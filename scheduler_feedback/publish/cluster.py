"""What publishing asks of the kube-apiserver and writes there."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from scheduler_feedback.kube import NODES, RESOURCE_TOPOLOGIES, Kube
from scheduler_feedback.publish.objects import Kind, labels
from scheduler_feedback.watch import Object


class PublishKube:
    """The requests of the publisher; KubeError where one is not answered well."""

    def __init__(self, kube: Kube) -> None:
        """Speak through a client."""
        self._kube = kube

    def served(self, kind: Kind) -> str:
        """Return the version in which a kind is served that is understood; empty for none."""
        for version in kind.versions:
            if self._kube.serves(_path(kind, version)):
                return version
        return ""

    def serves_resource_topologies(self) -> bool:
        """Whether NodeResourceTopologies are served."""
        return self._kube.serves(RESOURCE_TOPOLOGIES)

    def patch_node(self, name: str, patch: Mapping[str, Any]) -> None:
        """Merge a change into a node; Conflict where it is another one of that name by now."""
        self._kube.call("PATCH", f"{NODES}/{quote(name)}", patch)

    def objects(self, kind: Kind, version: str) -> list[Object]:
        """Return all objects of a kind, ours and others'."""
        return list(self._kube.listing(_path(kind, version)).objects)

    def create(self, kind: Kind, version: str, name: str, spec: Mapping[str, Any]) -> None:
        """Create an object that is ours."""
        body = {
            "apiVersion": f"{kind.group}/{version}",
            "kind": kind.name,
            "metadata": {"name": name, "labels": labels()},
            "spec": spec,
        }
        self._kube.call("POST", _path(kind, version), body)

    def change(self, kind: Kind, version: str, found: Object, spec: Mapping[str, Any]) -> None:
        """Change an object's spec; Conflict where it is not what was read any more."""
        meta = {"resourceVersion": found["metadata"]["resourceVersion"]}
        path = f"{_path(kind, version)}/{quote(found['metadata']['name'])}"
        self._kube.call("PATCH", path, {"metadata": meta, "spec": spec})

    def delete(self, kind: Kind, version: str, found: Object) -> None:
        """Delete an object, if it is the one that was read; NotFound or Conflict where not."""
        meta = found["metadata"]
        which = {"uid": meta["uid"], "resourceVersion": meta["resourceVersion"]}
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": which}
        self._kube.call("DELETE", f"{_path(kind, version)}/{quote(meta['name'])}", body)

    def resource_topologies(self) -> list[Object]:
        """Return all NodeResourceTopologies."""
        return list(self._kube.listing(RESOURCE_TOPOLOGIES).objects)

    def set_attributes(self, found: Object, attributes: Sequence[Mapping[str, Any]]) -> None:
        """Set a NodeResourceTopology's attributes; Conflict where it has changed since."""
        meta = found["metadata"]
        body = {
            "metadata": {"resourceVersion": meta["resourceVersion"]},
            "attributes": list(attributes) or None,
        }
        self._kube.call("PATCH", f"{RESOURCE_TOPOLOGIES}/{quote(meta['name'])}", body)


def _path(kind: Kind, version: str) -> str:
    return f"/apis/{kind.group}/{version}/{kind.resource}"
