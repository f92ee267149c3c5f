"""Where what this node should have is declared: the inventory file, else the node's annotation."""

import os
from collections.abc import Callable

from exporters.annotation import Annotation
from exporters.expected import Expected, declared
from exporters.machine import Machine
from exporters.settings import Settings


def declaration(settings: Settings, machine: Machine) -> Callable[[], Expected | None]:
    """Return who knows what is declared now; DeclarationError where the file makes no sense.

    The node goes by the name that `--inventory.node` gives it, else by its host name.
    """
    hostname = settings.inventory_node or os.uname().nodename
    of_file = declared(settings.inventory_file, hostname, machine)
    if not settings.inventory_node:
        return lambda: of_file
    annotation = Annotation(settings.inventory_node)
    annotation.follow()
    return lambda: of_file or annotation.expected
