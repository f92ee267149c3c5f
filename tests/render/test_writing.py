from pathlib import Path

import pytest

from program.errors import ProgramError
from render.writing import MANIFEST, write

FILES = {"a/one.yaml": b"one\n", "a/b/two.json": b"{}\n"}


def tree(out: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.name != MANIFEST
    }


def test_it_writes_the_files_and_a_manifest(tmp_path: Path) -> None:
    written = write(tmp_path / "out", FILES)

    assert tree(tmp_path / "out") == FILES
    assert written.changed == 2
    lines = (tmp_path / "out" / MANIFEST).read_text(encoding="utf-8").splitlines()
    assert [line.partition("  ")[2] for line in lines] == ["a/b/two.json", "a/one.yaml"]


def test_a_second_run_touches_nothing(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    before = {path: path.stat() for path in tmp_path.rglob("*")}

    written = write(tmp_path, FILES)

    assert (written.changed, written.removed, written.unchanged) == (0, 0, 2)
    assert {path: path.stat().st_ino for path in tmp_path.rglob("*")} == {
        path: stat.st_ino for path, stat in before.items()
    }


def test_what_we_no_longer_render_is_removed_with_its_empty_directories(tmp_path: Path) -> None:
    write(tmp_path, FILES)

    written = write(tmp_path, {"a/one.yaml": b"one\n"})

    assert written.removed == 1
    assert tree(tmp_path) == {"a/one.yaml": b"one\n"}
    assert not (tmp_path / "a/b").exists()


def test_other_peoples_files_stay(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/theirs.yaml").write_text("theirs", encoding="utf-8")
    write(tmp_path, FILES)

    write(tmp_path, {})

    assert tree(tmp_path) == {"a/b/theirs.yaml": b"theirs"}


def test_a_foreign_file_in_the_way_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/one.yaml").write_text("theirs", encoding="utf-8")

    with pytest.raises(ProgramError, match=r"not rendered by us: a/one\.yaml:1\. Move"):
        write(tmp_path, FILES)

    assert tree(tmp_path) == {"a/one.yaml": b"theirs"}
    assert not (tmp_path / MANIFEST).exists()


@pytest.mark.parametrize(
    ("edited", "line"), [("a\nb\nX\n", 3), ("X\nb\nc\n", 1), ("a\nb\nc\nX\n", 4), ("a\n", 2)]
)
def test_the_first_line_that_differs_is_named(tmp_path: Path, edited: str, line: int) -> None:
    write(tmp_path, {"one.yaml": b"a\nb\nc\n"})
    (tmp_path / "one.yaml").write_text(edited, encoding="utf-8")

    with pytest.raises(ProgramError, match=rf"by hand .*: one\.yaml:{line}\."):
        write(tmp_path, {"one.yaml": b"a\nb\nc\n"})


def test_a_file_changed_by_hand_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    (tmp_path / "a/one.yaml").write_text("edited", encoding="utf-8")

    with pytest.raises(ProgramError, match=r"by hand .*: a/one\.yaml:1\. .*render\.toml"):
        write(tmp_path, FILES | {"a/one.yaml": b"new\n", "a/b/two.json": b"[]\n"})

    assert tree(tmp_path) == {"a/one.yaml": b"edited", "a/b/two.json": b"{}\n"}


def test_a_stale_file_changed_by_hand_is_not_removed(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    (tmp_path / "a/one.yaml").write_text("edited", encoding="utf-8")

    with pytest.raises(ProgramError, match="by hand"):
        write(tmp_path, {})

    assert tree(tmp_path)["a/one.yaml"] == b"edited"


def test_a_file_that_went_missing_is_written_again(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    (tmp_path / "a/one.yaml").unlink()

    write(tmp_path, FILES)

    assert tree(tmp_path) == FILES


def test_a_lost_manifest_is_no_harm_where_nothing_was_changed(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    (tmp_path / MANIFEST).unlink()

    write(tmp_path, FILES)

    assert tree(tmp_path) == FILES
    assert (tmp_path / MANIFEST).exists()


def test_a_link_in_the_way_is_not_followed(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.write_text("theirs", encoding="utf-8")
    out = tmp_path / "out"
    (out / "a").mkdir(parents=True)
    (out / "a/one.yaml").symlink_to(theirs)

    with pytest.raises(ProgramError, match="in the way"):
        write(out, FILES)

    assert theirs.read_text(encoding="utf-8") == "theirs"


def test_a_run_that_was_cut_off_is_completed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, FILES)
    new = {"a/one.yaml": b"new one\n", "a/b/two.json": b"[1]\n"}
    replace = Path.replace

    def cut_off(self: Path, target: Path) -> Path:
        if target.name == "two.json":
            raise OSError(28, "No space left on device", str(target))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", cut_off)
    with pytest.raises(ProgramError, match=r"two\.json: No space left on device"):
        write(tmp_path, dict(reversed(new.items())))
    monkeypatch.undo()
    assert not list(tmp_path.rglob("*.railwatch-new"))

    write(tmp_path, new)

    assert tree(tmp_path) == new


def test_a_full_disk_leaves_the_tree_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, FILES)
    write_bytes = Path.write_bytes

    def full(self: Path, content: bytes) -> int:
        if "one.yaml" in self.name:
            write_bytes(self, content[:1])
            raise OSError(28, "No space left on device", str(self))
        return write_bytes(self, content)

    monkeypatch.setattr(Path, "write_bytes", full)

    with pytest.raises(ProgramError, match="No space left"):
        write(tmp_path, {"a/one.yaml": b"new\n", "a/b/two.json": b"new\n"})

    assert tree(tmp_path) == FILES


@pytest.mark.parametrize("name", ["out", "out/a", "out/a/b"])
def test_a_directory_that_is_a_file_is_named_and_nothing_is_written(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("a file", encoding="utf-8")

    with pytest.raises(ProgramError, match=rf"{name}: in the way, and no directory"):
        write(tmp_path / "out", FILES)

    assert tree(tmp_path) == {name: b"a file"}


def test_a_directory_that_is_a_link_is_followed_within_the_tree_only(tmp_path: Path) -> None:
    out, theirs = tmp_path / "out", tmp_path / "theirs"
    out.mkdir()
    theirs.mkdir()
    (out / "a").symlink_to(theirs)

    with pytest.raises(ProgramError, match=r"out/a: in the way, and no directory of"):
        write(out, FILES)
    (out / "mine").mkdir()
    (out / "a").unlink()
    (out / "a").symlink_to("mine")
    write(out, FILES)

    assert not list(theirs.iterdir())
    assert (out / "mine/one.yaml").read_bytes() == FILES["a/one.yaml"]


@pytest.mark.parametrize(
    "line", [b"abc  ../../etc/passwd", b"abc  /etc/passwd", b"nonsense", b"\xff\xfe"]
)
def test_a_manifest_that_leads_out_of_the_tree_is_refused(tmp_path: Path, line: bytes) -> None:
    (tmp_path / MANIFEST).write_bytes(line + b"\n")

    with pytest.raises(ProgramError, match=r"manifest:1: not a line we wrote"):
        write(tmp_path, FILES)
