"""The little of kubectl that README and quick start use, for machines that have none.

apply -f FILE, apply -k FOLDER, get nodes. All else ends with an error. Where the API server is, and
the certificates, come from KUBECONFIG.
"""

import argparse
import os
import subprocess
from pathlib import Path

import yaml

from testbed.api import Api, read_objects
from testbed.http import Client, Identity
from testbed.tools import ensure


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


def main() -> None:
    asked = argparse.ArgumentParser(prog="kubectl", allow_abbrev=False)
    verbs = asked.add_subparsers(dest="verb", required=True)
    apply = verbs.add_parser("apply").add_mutually_exclusive_group(required=True)
    apply.add_argument("-f", type=Path)
    apply.add_argument("-k")
    get = verbs.add_parser("get")
    get.add_argument("what", choices=["nodes"])
    get.add_argument("-o")
    parsed = asked.parse_args()
    if parsed.verb == "get":
        for node in api().items("/api/v1/nodes"):
            print(node["metadata"]["name"])
        return
    file = parsed.f or kustomized(parsed.k, Path("kustomized.yaml"))
    api().apply(read_objects(file))


if __name__ == "__main__":
    main()
