import subprocess
import sys
from pathlib import Path

import pytest

from program.errors import ProgramError
from render import docs
from render.__main__ import main

ROOT = Path(__file__).parents[2]


def render(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "render", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=120,
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_two_processes_write_the_same_bytes(tmp_path: Path) -> None:
    first = render(tmp_path / "a")
    second = render(tmp_path / "b")

    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_it_says_what_it_changed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(tmp_path)])
    capsys.readouterr()

    assert main([str(tmp_path)]) == 0

    assert ": 0 written, " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--config", "gone.toml", "OUT"], "gone.toml: No such file or directory"),
        (["--base-alertmanager", "gone.yaml", "OUT"], "gone.yaml: No such file or directory"),
        (["--confg", "x", "OUT"], "unrecognized arguments: --confg"),
        ([], "the following arguments are required: OUT"),
    ],
)
def test_what_is_wrong_is_one_line_and_a_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], complaint: str
) -> None:
    code = main([each if each != "OUT" else str(tmp_path / "out") for each in arguments])

    error = capsys.readouterr().err
    assert code != 0
    assert error.startswith("railwatch-render: error: ")
    assert error.count("\n") == 1
    assert complaint in error
    assert not (tmp_path / "out").exists()


def test_a_bad_setting_leaves_the_tree_as_it_was(tmp_path: Path) -> None:
    main([str(tmp_path / "out")])
    before = contents(tmp_path / "out")
    config = tmp_path / "render.toml"
    config.write_text("[alerts.GpuFellOfBus]\noff = true\n", encoding="utf-8")

    done = render("--config", config, tmp_path / "out")

    assert done.returncode == 1
    assert "did you mean GpuFellOffBus?" in done.stderr
    assert contents(tmp_path / "out") == before


def test_an_alert_turned_off_takes_its_files_with_it(tmp_path: Path) -> None:
    config = tmp_path / "render.toml"
    config.write_text("[alerts.GpuFellOffBus]\noff = true\n", encoding="utf-8")
    main([str(tmp_path / "out")])

    main(["--config", str(config), str(tmp_path / "out")])

    left = contents(tmp_path / "out")
    assert "prometheus/rules/shard/gpu_fell_off_bus.yaml" not in left
    assert b"fault: GpuFellOffBus" not in left["bridge/proofs.yaml"]


def test_the_base_may_stand_in_the_settings_relative_to_their_file(tmp_path: Path) -> None:
    config = tmp_path / "render.toml"
    config.write_text('[alertmanager]\nbase = "theirs.yaml"\n', encoding="utf-8")
    theirs = tmp_path / "theirs.yaml"
    theirs.write_text("route: {receiver: them}\nreceivers: [{name: them}]\n", encoding="utf-8")

    assert main(["--config", str(config), str(tmp_path / "out")]) == 0

    merged = (tmp_path / "out/alertmanager/alertmanager.yaml").read_text(encoding="utf-8")
    assert "receiver: them" in merged
    assert "receiver: railwatch-bridge" in merged


def test_a_base_that_is_none_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    theirs = tmp_path / "theirs.yaml"
    theirs.write_text("- no\n- mapping\n", encoding="utf-8")

    assert main(["--base-alertmanager", str(theirs), str(tmp_path / "out")]) == 1

    assert f"{theirs}: line 1: the file is no mapping" in capsys.readouterr().err


def test_the_generated_documents_are_not_stale() -> None:
    assert docs.stale(ROOT / "docs") == []


def test_a_stale_document_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    docs.main([], tmp_path)
    with (tmp_path / "alerts.md").open("a", encoding="utf-8") as page:
        page.write("edited\n")

    assert docs.main(["--check"], tmp_path) == ProgramError.exit_code

    assert "stale: alerts.md" in capsys.readouterr().err
