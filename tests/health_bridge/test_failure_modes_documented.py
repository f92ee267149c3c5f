"""The table of failure modes in docs/bridge.md names tests that exist, all 32 of them."""

import re

from tests.health_bridge.site import ROOT

ROW = re.compile(r"^\| (\d+) \|.*\| `test_(\d\d)` in `(test_\w+\.py)`", re.MULTILINE)


def test_every_mode_has_a_row_and_every_row_a_test() -> None:
    rows = ROW.findall((ROOT / "docs" / "bridge.md").read_text(encoding="utf-8"))

    assert [int(number) for number, *_ in rows] == list(range(1, 33))
    for number, named, file in rows:
        text = (ROOT / "tests" / "health_bridge" / file).read_text(encoding="utf-8")
        assert int(number) == int(named)
        assert f"def test_{named}_" in text, f"{file} has no test_{named}_…"
