"""The images' recipe: what can be known of it without a registry, and its steps in a root."""

import os
import re
import shlex
import shutil
import tomllib

import pytest

import catalog
from tests.install.closure import closure
from tests.install.image import ROOT, Image, size, stages

EXTRAS = {"exporter": "", "bridge": "bridge", "scheduler": "scheduler", "render": "render"}


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
    for name in EXTRAS:
        assert not [step for step in stages()[name][1] if step[0] == "RUN"]


def test_an_image_says_what_it_is_and_what_it_was_made_from() -> None:
    shared = labels("program")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert shared == {
        "authors": project["authors"][0]["name"],
        "base.name": "$PYTHON",
        "documentation": project["urls"]["Documentation"],
        "licenses": project["license"],
        "revision": "$COMMIT",
        "version": catalog.__version__,
    }
    for name in EXTRAS:
        assert labels(name).keys() == {"title", "description"}
        assert labels(name)["title"] == f"railwatch-{name}"


def labels(stage: str) -> dict[str, str]:
    """Return a stage's labels, by what stands behind the common part of their names."""
    words = " ".join(words for word, words in stages()[stage][1] if word == "LABEL")
    pairs = (pair.partition("=") for pair in shlex.split(words))
    return {name.removeprefix("org.opencontainers.image."): value for name, _, value in pairs}


def test_all_that_is_copied_exists_and_all_that_is_packaged_is_copied() -> None:
    copied = {
        source
        for _, steps in stages().values()
        for word, words in steps
        if word == "COPY" and "--from" not in words
        for source in words.split()[:-1]
    }

    assert {source for source in copied if not (ROOT / source).exists()} == set()
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    sent = {line.removeprefix("!") for line in lines if line.startswith("!")}
    assert "*" in lines
    assert sent == {source.split("/")[0] for source in copied}
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
    assert labels("program")["version"] == catalog.__version__
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


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="a root of its own needs root")


@pytest.fixture(scope="module")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Image:
    made = Image(tmp_path_factory.mktemp("builder"))
    made.do("wheel")
    return made


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Image:
    made = Image(tmp_path_factory.mktemp("program"))
    made.do("program")
    return made


@needs_root
@pytest.mark.slow
@pytest.mark.parametrize("name", EXTRAS)
def test_the_steps_make_a_program_that_runs_as_nobody_on_a_root_that_is_read_only(
    name: str, builder: Image, program: Image, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(builder.root / "opt", ignore_errors=True)

    builder.do(f"{name}-installed")
    program.do(name, builder)
    said = program.run(f"{shlex.join(program.entry)} --version", read_only=True)
    loaded = program.run(
        f"python -v /opt/railwatch/bin/{program.entry[0]} --version", read_only=True
    )
    refused = program.run("touch /opt/railwatch/x /usr/local/x /x 2>&1 || id -u", read_only=True)

    assert said.stdout == f"railwatch-{name} {catalog.__version__} (commit 0123456789ab)\n"
    assert refused.stdout.count("Read-only file system") == 3
    assert refused.stdout.endswith("\n65532\n")
    compiled = re.findall(r"# code object from '?([^'\n]+)", loaded.stderr)
    assert len(compiled) > 100
    assert [path for path in compiled if not path.endswith(".pyc")] == []
    added = size(program.root / "opt") / 2**20
    bytecode = sum(path.stat().st_size for path in program.local.rglob("*.pyc")) / 2**20
    with capsys.disabled():
        print(
            f"\n{name}: {added:.0f} MiB on top of Python's own image, "
            f"and {bytecode:.0f} MiB for the bytecode of Python's library"
        )


@needs_root
@pytest.mark.slow
def test_nothing_installs_packages_in_what_runs(program: Image, builder: Image) -> None:
    found = program.run("find /opt /usr/local -name pip -o -name 'pip[0-9-]*' -o -name ensurepip")

    assert found.stdout == ""
    assert not (builder.root / "root" / ".cache").exists()
