"""What perfquery prints of a switch's ports, one block a port."""

import re
from collections.abc import Mapping

from exporters.fabric.fabric import PERFQUERY, garbled

_PORT = re.compile(r"# Port (?:extended )?counters: Lid ([0-9]{1,5}) port ([0-9]{1,3})\b.*")
_FIELD = re.compile(r"([A-Za-z0-9]{1,64}):\.*([0-9]{1,20})")
_HIGHEST = 2**64 - 1

Readings = Mapping[int, Mapping[str, int]]
"""Counters by port and by the tool's name for the field."""


def parse(output: str, lid: int) -> Readings:
    """Return the counters of this switch's ports; ToolError where there are none."""
    found: dict[int, dict[str, int]] = {}
    port: dict[str, int] = {}
    for line in output.split("\n"):
        if (head := _PORT.fullmatch(line)) is not None:
            port = found.setdefault(int(head[2]), {}) if int(head[1]) == lid else {}
        elif (said := _FIELD.fullmatch(line)) is not None and int(said[2]) <= _HIGHEST:
            port[said[1]] = int(said[2])
    if not any(found.values()):
        raise garbled(PERFQUERY, f"no counters of lid {lid} in its answer")
    return found
