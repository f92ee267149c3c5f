"""The little of kubectl that the pages use, for machines that have none.

apply -f FILE or -k FOLDER, get nodes, annotate and label nodes, create configmap, patch configmap
and daemonset, scale deployment, delete namespace. All else ends with an error. Where the API server
is, and the certificates, come from KUBECONFIG.
"""

import argparse
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import yaml

from testbed.api import Api, ApiError, read_objects
from testbed.http import Client, Identity
from testbed.tools import ensure
from testbed.waiting import wait_until

Asked = argparse.Namespace


def api() -> Api:
    """Return the API server that KUBECONFIG names, as the user it names."""
    config = yaml.safe_load(Path(os.environ["KUBECONFIG"]).read_text(encoding="utf-8"))
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    who = Identity(
        ca=Path(cluster["certificate-authority"]),
        certificate=Path(user["client-certificate"]),
        key=Path(user["client-key"]),
    )
    return Api(Client(cluster["server"], who))


def kustomized(folder: str, into: Path) -> Path:
    """Return the file with what a kustomization makes."""
    made = subprocess.run(
        [ensure("kustomize")["kustomize"], "build", folder], capture_output=True, check=True
    )
    into.write_bytes(made.stdout)
    return into


def apply(asked: Asked) -> None:
    api().apply(read_objects(asked.f or kustomized(asked.k, Path("kustomized.yaml"))))


def get(asked: Asked) -> None:
    """Print the nodes as a table would begin, or as YAML without who set which field."""
    nodes = api().items("/api/v1/nodes")
    for node in nodes:
        node["metadata"].pop("managedFields", None)
    names = "".join(f"{node['metadata']['name']}\n" for node in nodes)
    print(yaml.safe_dump({"items": nodes}) if asked.o == "yaml" else names, end="")


def annotate(asked: Asked) -> None:
    mark(asked, "annotations")


def label(asked: Asked) -> None:
    mark(asked, "labels")


def mark(asked: Asked, kind: str) -> None:
    """Set NAME=VALUE and take away NAME-, on one node or on all of them."""
    if asked.all:
        names = [node["metadata"]["name"] for node in api().items("/api/v1/nodes")]
        words = asked.words
    else:
        name, *words = asked.words
        names = [name]
    changes = dict(map(change, words))
    for name in names:
        api().merge(f"/api/v1/nodes/{name}", {"metadata": {kind: changes}})


def change(word: str) -> tuple[str, str | None]:
    """Return what a word does to a name: a value, or None to take it away."""
    name, equals, value = word.partition("=")
    if equals:
        return name, value
    if not name.endswith("-"):
        raise SystemExit(f"{word}: neither NAME=VALUE nor NAME-")
    return name.removesuffix("-"), None


def create(asked: Asked) -> None:
    name, _, value = asked.from_literal.partition("=")
    meta = {"name": asked.name, "namespace": asked.namespace}
    api().create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {name: value}})


def patch(asked: Asked) -> None:
    prefix = {"configmap": "/api/v1", "daemonset": "/apis/apps/v1"}[asked.what]
    path = f"{prefix}/namespaces/{asked.namespace}/{asked.what}s/{asked.name}"
    api().merge(path, json.loads(asked.p))


def scale(asked: Asked) -> None:
    for name in asked.names:
        path = f"/apis/apps/v1/namespaces/{asked.namespace}/deployments/{name}"
        api().merge(path, {"spec": {"replicas": asked.replicas}})


def delete(asked: Asked) -> None:
    """Delete a namespace, and return when it is gone."""
    path = f"/api/v1/namespaces/{asked.name}"
    api().delete(path)
    wait_until(lambda: is_gone(path), within=200, what=f"{asked.name} is gone")


def is_gone(path: str) -> bool:
    try:
        api().get(path)
    except ApiError as error:
        return error.status == 404
    return False


def parser() -> argparse.ArgumentParser:
    asked = argparse.ArgumentParser(prog="kubectl", allow_abbrev=False)
    asked.add_argument("-n", dest="namespace", default="default")
    verbs = asked.add_subparsers(dest="verb", required=True)

    def verb(act: Callable[[Asked], None], *what: str) -> argparse.ArgumentParser:
        made = verbs.add_parser(act.__name__)
        made.set_defaults(act=act)
        if what:
            made.add_argument("what", choices=what)
        return made

    source = verb(apply).add_mutually_exclusive_group(required=True)
    source.add_argument("-f", type=Path)
    source.add_argument("-k")
    verb(get, "nodes").add_argument("-o")
    for act in (annotate, label):
        marks = verb(act, "node", "nodes")
        marks.add_argument("words", nargs="+")
        marks.add_argument("--overwrite", action="store_true")
        marks.add_argument("--all", action="store_true")
    made = verb(create, "configmap")
    made.add_argument("name")
    made.add_argument("--from-literal", required=True)
    changed = verb(patch, "configmap", "daemonset")
    changed.add_argument("name")
    changed.add_argument("--type", choices=["merge"], required=True)
    changed.add_argument("-p", required=True)
    sized = verb(scale, "deployment")
    sized.add_argument("names", nargs="+")
    sized.add_argument("--replicas", type=int, required=True)
    verb(delete, "namespace").add_argument("name")
    return asked


if __name__ == "__main__":
    parsed = parser().parse_args()
    parsed.act(parsed)
