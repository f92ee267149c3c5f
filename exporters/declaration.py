"""Where what this node should have is declared: the inventory file, else the node's annotation."""

import os
from collections.abc import Callable, Iterator

from exporters.annotation import Annotation
from exporters.expected import Expected, declared
from exporters.machine import Machine
from exporters.settings import Settings


class Declaration:
    """Who knows what is declared now: of GPUs and of ports, each from the first that says it."""

    def __init__(
        self, of_file: Expected | None, annotated: Callable[[], Expected | None] = lambda: None
    ) -> None:
        """Take what the file says, and who knows what the annotation says now."""
        self._of_file = of_file
        self._annotated = annotated

    def _told(self) -> Iterator[Expected]:
        yield from filter(None, (self._of_file, self._annotated()))

    def gpus(self) -> Expected | None:
        """Return what is declared of GPUs, None where nobody says anything of them."""
        return next((one for one in self._told() if one.gpus is not None), None)

    def rdma_ports(self) -> Expected | None:
        """Return what is declared of RDMA ports, None where nobody says anything of them."""
        return next((one for one in self._told() if one.rdma_ports is not None), None)


def declaration(settings: Settings, machine: Machine) -> Declaration:
    """Return who knows what is declared now; DeclarationError where the file makes no sense.

    The node goes by the name that `--inventory.node` gives it, else by that in the environment
    (NODE_NAME), else by its host name: in a pod without the node's network that is the pod's.
    """
    hostname = settings.inventory_node or os.environ.get("NODE_NAME") or os.uname().nodename
    of_file = declared(settings.inventory_file, hostname, machine)
    if not settings.inventory_node:
        return Declaration(of_file)
    annotation = Annotation(settings.inventory_node)
    annotation.follow()
    return Declaration(of_file, lambda: annotation.expected)
