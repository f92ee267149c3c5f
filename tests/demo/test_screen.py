"""What the demo says when a hop happens, and when one does not."""

import pytest

from program.errors import UsageError
from testbed.demo.screen import HopMissing, Screen


def test_a_hop_that_happens_is_shown_and_remembered(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen()
    answers = iter([None, None, "gpu-0 is clean"])

    screen.act("Act 1")
    screen.wait_for("taint gone", lambda: next(answers), within=60)
    screen.table()

    assert [hop.name for hop in screen.hops] == ["taint gone"]
    assert "gpu-0 is clean" in capsys.readouterr().out
    assert screen.elapsed("Act 1") >= 0.2


def test_a_hop_that_does_not_happen_is_named() -> None:
    screen = Screen()
    screen.act("Act 1")

    with pytest.raises(HopMissing, match="Act 1: 'rank evicted' did not happen within 0 s"):
        screen.wait_for("rank evicted", lambda: None, within=0.2)


def test_a_busy_machine_can_be_given_more_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATIENCE", "1000")
    screen = Screen()
    seen: list[str] = []

    def look() -> str | None:
        seen.append("gpu-0 is clean")
        return seen[-1] if len(seen) > 3 else None

    screen.act("Act 1")
    screen.wait_for("taint gone", look, within=0.1)

    assert [hop.name for hop in screen.hops] == ["taint gone"]
    monkeypatch.setenv("PATIENCE", "much")
    with pytest.raises(UsageError, match="PATIENCE=much: must be a number"):
        Screen()
