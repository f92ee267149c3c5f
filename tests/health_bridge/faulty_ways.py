"""Proxies between the bridge and the real servers, and the kubeconfig that goes through one."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from testbed.proxy import Mode, Proxy
from tests.health_bridge.site import USER, Site


def proxied(url: str) -> Proxy:
    """Return a proxy to the server at a URL."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    return Proxy(parts.hostname, parts.port)


@contextmanager
def way_to_the_api(site: Site, folder: Path, user: str = USER) -> Iterator[tuple[Proxy, Path]]:
    """Yield a proxy to the kube-apiserver, and a user's kubeconfig that goes through it."""
    document = json.loads(site.cluster.kubeconfig_for(user).read_text(encoding="utf-8"))
    with proxied(site.cluster.url) as proxy:
        for cluster in document["clusters"]:
            cluster["cluster"]["server"] = f"https://127.0.0.1:{proxy.port}"
        path = folder / "kubeconfig"
        path.write_text(json.dumps(document), encoding="utf-8")
        yield proxy, path


__all__ = ["Mode", "Proxy", "proxied", "way_to_the_api"]
