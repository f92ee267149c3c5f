"""docs/topology.md names every field of the document."""

import re
from pathlib import Path
from typing import Any

from testbed import lldp
from testbed.lldp import SwitchPort
from testbed.sysfs.pci import PciBus
from tests.exporters.topology.nodes import document

DOCS = Path(__file__).parents[3] / "docs" / "topology.md"


def fields(held: Any) -> set[str]:
    if isinstance(held, list):
        return set().union(*map(fields, held))
    if isinstance(held, dict):
        return set(held).union(*map(fields, held.values()))
    return set()


def test_every_field_is_documented(tmp_path: Path) -> None:
    told = tmp_path / "lldp.json"
    told.write_text(lldp.json0({"eth0": [SwitchPort()]}))
    made = document(PciBus.rails(tmp_path / "node", 2), lldp_file=str(told))

    documented = set(re.findall(r"`([a-z_]+)(?:\[\])?`", DOCS.read_text()))

    assert fields(made) - documented == set()
