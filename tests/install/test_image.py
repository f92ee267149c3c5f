"""The images' recipe: what can be known of it without a registry, and its steps in a folder."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import catalog
from tests.install.closure import closure

ROOT = Path(__file__).resolve().parents[2]
RECIPE = (ROOT / "deploy" / "Containerfile").read_text(encoding="utf-8")
EXTRAS = {"exporter": "", "bridge": "bridge", "scheduler": "scheduler", "render": "render"}

Step = tuple[str, str]
"""An instruction and its words."""


def stages() -> dict[str, tuple[str, list[Step]]]:
    """Return each stage's base and steps."""
    found: dict[str, tuple[str, list[Step]]] = {}
    text = re.sub(r"\\\n", " ", re.sub(r"(?m)^#.*\n", "", RECIPE))
    steps: list[Step] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        word, rest = line.split(maxsplit=1)
        if word == "FROM":
            base, name = rest.split(" AS ")
            found[name] = base, (steps := [])
        else:
            steps.append((word, rest.strip()))
    return found


def pins(name: str) -> dict[str, str]:
    """Return the packages and versions of a requirements file."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    return dict(re.findall(r"(?m)^([a-z0-9-]+)==(\S+)", text))


def test_each_program_has_its_image_and_each_image_its_program() -> None:
    for name in EXTRAS:
        base, steps = stages()[name]
        assert base == "program"
        assert ("ENTRYPOINT", f'["railwatch-{name}"]') in steps
        assert ("COPY", f"--from={name}-installed /opt/railwatch /opt/railwatch") in steps
        assert any(
            f"requirements/{name}.txt" in words for _, words in stages()[f"{name}-installed"][1]
        )


def test_what_runs_is_an_ordinary_user_and_brings_no_compiler_and_no_sources() -> None:
    base, steps = stages()["program"]
    assert base == "${PYTHON}"
    assert ("USER", "65532:65532") in steps
    (compiled,) = (words for word, words in steps if word == "RUN")
    assert compiled.startswith("python -m compileall ")
    for name in EXTRAS:
        assert not [step for step in stages()[name][1] if step[0] == "RUN"]


def test_all_that_is_copied_exists_and_all_that_is_packaged_is_copied() -> None:
    copied = {
        source
        for _, steps in stages().values()
        for word, words in steps
        if word == "COPY" and "--from" not in words
        for source in words.split()[:-1]
    }

    assert {source for source in copied if not (ROOT / source).exists()} == set()
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    packages = re.search(r"wheel\]\npackages = \[(.*?)\]", project, re.DOTALL)
    assert packages is not None
    assert set(re.findall(r'"(\w+)"', packages[1])) <= copied


@pytest.mark.parametrize("name", EXTRAS)
def test_an_image_has_just_what_its_program_needs_as_it_was_tested(name: str) -> None:
    pinned = pins(name)

    assert set(pinned) == closure(EXTRAS[name])
    assert pinned.items() <= pins("dev").items()


def test_the_images_version_is_the_programs() -> None:
    assert f'image.version="{catalog.__version__}"' in RECIPE
    deployed = [*(ROOT / "deploy").rglob("*.yaml")]
    images = {
        image
        for file in deployed
        for image in re.findall(r"image: (railwatch-\S+)", file.read_text(encoding="utf-8"))
    }
    assert images >= {
        f"railwatch-{name}:{catalog.__version__}" for name in EXTRAS if name != "render"
    }
    assert {image.partition(":")[2] for image in images} == {catalog.__version__}


class Scratch:
    """A folder in which the recipe's steps are done as they would be in a root of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "src").mkdir()

    def do(self, stage: str) -> None:
        for word, words in stages()[stage][1]:
            if word == "COPY":
                self._copy(*words.split())
            if word == "RUN":
                self._run(words)

    def _copy(self, *words: str) -> None:
        *sources, to = words
        for source in sources:
            target = self.folder / "src" / to
            target = target / Path(source).name if to.endswith("/") else target
            target.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / source, target)

    def _run(self, command: str) -> None:
        for path in ("/opt/railwatch", "/dist", "/build"):
            command = re.sub(rf"(?<![\w.]){path}\b", f"{self.folder}{path}", command)
        subprocess.run(
            ["bash", "-euc", command],
            cwd=self.folder / "src",
            env={
                **os.environ,
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                "COMMIT": "0123456789ab",
            },
            check=True,
        )


@pytest.mark.slow
@pytest.mark.parametrize("name", EXTRAS)
def test_the_steps_make_a_program_that_runs(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scratch = Scratch(tmp_path)

    scratch.do("wheel")
    scratch.do(f"{name}-installed")

    program = tmp_path / "opt" / "railwatch" / "bin" / f"railwatch-{name}"
    said = subprocess.run(
        [program, "--version"], env={}, cwd="/", capture_output=True, text=True, check=True
    )
    assert said.stdout == f"railwatch-{name} {catalog.__version__} (commit 0123456789ab)\n"
    size = sum(file.lstat().st_size for file in (tmp_path / "opt").rglob("*"))
    with capsys.disabled():
        print(f"\n{name}: {size / 2**20:.0f} MiB on top of Python's own image")
    assert not list((tmp_path / "opt").rglob("pip/__main__.py"))
