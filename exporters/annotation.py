"""Reads the annotation `railwatch.io/expected` of this node, where the user asks for it.

One small request every five minutes, of metadata alone, by a thread of its own: the exporter needs
no Kubernetes client for that. Its account needs `get` on nodes. What was read stays while the API
server does not answer; a node without the annotation declares nothing.
"""

import json
import logging
import os
import random
import ssl
import threading
import time
import urllib.parse
import urllib.request
from pathlib import Path

from catalog.wire import PREFIX
from exporters.expected import DeclarationError, Expected, annotated
from program.errors import UsageError

log = logging.getLogger(__name__)

KEY = f"{PREFIX}/expected"

_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_EVERY = 300.0
_AFTER_FAILURE = 30.0
_WITHIN = 10.0
_LARGEST = 4 << 20


class Annotation:
    """The node's annotation, as it was last read."""

    def __init__(self, node: str, server: str = "", account: Path = _ACCOUNT) -> None:
        """Take the node's name; server and account are those of the cluster this runs in."""
        self._url = f"{server or _server()}/api/v1/nodes/{urllib.parse.quote(node, safe='')}"
        self._account = account
        self.expected: Expected | None = None
        self._problem = ""

    def follow(self) -> None:
        """Go on reading, in a thread of its own."""
        threading.Thread(target=self._read_on, name="annotation", daemon=True).start()

    def _read_on(self) -> None:
        while True:
            pause = _EVERY if self.read() else _AFTER_FAILURE
            time.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311 - spreads nodes, no secret

    def read(self) -> bool:
        """Read it once; return whether the server answered."""
        try:
            text = self._get()
        except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
            self._tell(f"{self._url}: {error}")
            return False
        try:
            self.expected = annotated(text) if text else None
        except DeclarationError as error:
            self._tell(f"{KEY}: {error}; the one before still counts")
            return True
        self._tell("")
        return True

    def _get(self) -> str:
        token = (self._account / "token").read_text(encoding="ascii").strip()
        headers = {"Authorization": f"Bearer {token}", "Accept": _METADATA}
        request = urllib.request.Request(self._url, headers=headers)  # noqa: S310 - of our making
        trust = None
        if self._url.startswith("https:"):
            trust = ssl.create_default_context(cafile=str(self._account / "ca.crt"))
        with urllib.request.urlopen(request, timeout=_WITHIN, context=trust) as answer:  # noqa: S310 - as above
            metadata = json.loads(answer.read(_LARGEST))["metadata"]
        return str((metadata.get("annotations") or {}).get(KEY, ""))

    def _tell(self, problem: str) -> None:
        """Log once when it cannot be read, and once when it can again."""
        if bool(problem) != bool(self._problem):
            if problem:
                log.warning("annotation cannot be read", extra={"problem": problem})
            else:
                log.info("annotation is read again")
        self._problem = problem


def _server() -> str:
    host = os.environ.get("KUBERNETES_SERVICE_HOST", "")
    if not host:
        raise UsageError("--inventory.node: this is no pod: KUBERNETES_SERVICE_HOST is not set")
    name = f"[{host}]" if ":" in host else host
    return f"https://{name}:{os.environ.get('KUBERNETES_SERVICE_PORT', '443')}"
