"""A pod's volumes as folders of this machine, filled as the kubelet fills them."""

import base64
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from testbed.api import Api, Object
from testbed.pods.fields import field_of
from testbed.pods.machine import Machine

Source = Mapping[str, Any]
Files = Iterator[tuple[str, bytes]]


class Volumes:
    """Makes the volumes of one pod in a folder."""

    def __init__(self, api: Api, pod: Object, machine: Machine, folder: Path) -> None:
        """Prepare; the folder is the pod's own."""
        self._api = api
        self._pod = pod
        self._machine = machine
        self._folder = folder
        self._namespace = f"/api/v1/namespaces/{pod['metadata']['namespace']}"
        self._kinds: dict[str, Callable[[Source], Files]] = {
            "emptyDir": lambda _: iter(()),
            "projected": self._projected,
            "configMap": self._config,
            "secret": self._secret,
            "downwardAPI": self._downward,
            "serviceAccountToken": self._token,
        }

    def make(self) -> dict[str, Path]:
        """Return where each volume is; ApiError where an object that it names is not there."""
        return {
            volume["name"]: self._make(volume) for volume in self._pod["spec"].get("volumes", ())
        }

    def _make(self, volume: Source) -> Path:
        if host := volume.get("hostPath"):
            return self._machine.path(host["path"], host.get("type", ""))
        made = self._folder / str(volume["name"])
        made.mkdir(exist_ok=True)
        made.chmod(0o777 if "emptyDir" in volume else 0o755)
        for path, content in self._files(volume):
            file = made / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        return made

    def _files(self, volume: Source) -> Files:
        """Yield the files of a volume, or of a part of a projected one."""
        (kind,) = volume.keys() - {"name"}
        if kind not in self._kinds:
            raise NotImplementedError(f"a volume of kind {kind} is not played")
        yield from self._kinds[kind](volume[kind])

    def _projected(self, source: Source) -> Files:
        for part in source["sources"]:
            yield from self._files(part)

    def _config(self, source: Source) -> Files:
        found = self._api.get(f"{self._namespace}/configmaps/{source['name']}")
        kept = {key: text.encode() for key, text in found.get("data", {}).items()}
        yield from _chosen(kept, source)

    def _secret(self, source: Source) -> Files:
        name = source.get("secretName") or source["name"]
        found = self._api.get(f"{self._namespace}/secrets/{name}")
        kept = {key: base64.b64decode(text) for key, text in found.get("data", {}).items()}
        yield from _chosen(kept, source)

    def _downward(self, source: Source) -> Files:
        for item in source["items"]:
            path = item["fieldRef"]["fieldPath"]
            yield item["path"], field_of(self._pod, self._machine, path).encode()

    def _token(self, source: Source) -> Files:
        """Yield a token of the pod's account, taken for as long as the pod is there."""
        spec, metadata = self._pod["spec"], self._pod["metadata"]
        bound = {"kind": "Pod", "name": metadata["name"], "uid": metadata["uid"]}
        asked = {
            "audiences": [source["audience"]] if "audience" in source else [],
            "expirationSeconds": source["expirationSeconds"],
            "boundObjectRef": {"apiVersion": "v1", **bound},
        }
        path = f"{self._namespace}/serviceaccounts/{spec['serviceAccountName']}/token"
        given = self._api.post(path, {"spec": asked})
        yield source["path"], given["status"]["token"].encode()


def _chosen(kept: Mapping[str, bytes], source: Source) -> Files:
    """Yield all keys as files, or those of `items` by the paths that these say."""
    if "items" not in source:
        yield from kept.items()
    for item in source.get("items", ()):
        yield item["path"], kept[item["key"]]
