"""The built wheel in environments that hold nothing but what each extra asks for."""

import os
import re
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.metadata import Metadata

import catalog
from render.settings import Settings
from tests.install.closure import closure

ROOT = Path(__file__).resolve().parents[2]
COMMIT = "0123456789ab"

ANYWHERE = ("https://", "#")

PROGRAMS = {
    "exporters": "",
    "health_bridge": "bridge",
    "scheduler_feedback": "scheduler",
    "render": "render",
}

EVERY_MODULE = """
import importlib, pkgutil, sys
package = importlib.import_module(sys.argv[1])
names = [found.name for found in pkgutil.walk_packages(package.__path__, package.__name__ + ".")]
for name in names:
    if not name.endswith("__main__"):
        importlib.import_module(name)
print(len(names), *sorted({name.split(".")[0] for name in sys.modules}))
"""


def lay(folder: Path, distribution: str) -> None:
    """Put an installed distribution's top-level files into a folder, by links."""
    for file in metadata.files(distribution) or ():
        top = file.parts[0]
        if top in ("..", "__pycache__") or (folder / top).exists():
            continue
        (folder / top).symlink_to(Path(str(metadata.distribution(distribution).locate_file(top))))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        cwd=ROOT,
        env={**os.environ, "RAILWATCH_COMMIT": COMMIT},
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return built


class Installed:
    """A Python that sees the wheel and its dependencies, and nothing else of this machine's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *words: str | Path, errors: bool = False) -> str:
        done = subprocess.run(
            [sys.executable, "-S", "-P", *words],
            env={"PYTHONPATH": str(self.folder), "PATH": os.environ["PATH"]},
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr if errors else done.stdout


@pytest.fixture(params=PROGRAMS, scope="module")
def program(
    request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Installed]:
    folder = tmp_path_factory.mktemp(request.param)
    zipfile.ZipFile(wheel).extractall(folder)
    for distribution in closure(PROGRAMS[request.param]):
        lay(folder, distribution)
    return request.param, Installed(folder)


def test_each_program_says_its_version_and_commit(program: tuple[str, Installed]) -> None:
    package, installed = program

    said = installed.run("-m", package, "--version").strip()

    assert said.endswith(f" {catalog.__version__} (commit {COMMIT})")


def test_an_extra_brings_all_that_its_program_imports(program: tuple[str, Installed]) -> None:
    package, installed = program

    count, *imported = installed.run("-c", EVERY_MODULE, package).split()

    assert int(count) > 1
    assert package in imported
    assert {"testbed", "tests"}.isdisjoint(imported)


def test_the_exporter_pulls_neither_the_kubernetes_client_nor_numpy() -> None:
    assert {"kubernetes", "numpy", "grafanalib"}.isdisjoint(closure(""))
    assert {"kubernetes", "numpy"} <= closure("all")
    assert closure("all") == closure("bridge") | closure("scheduler") | closure("render")


def test_the_installed_render_writes_what_the_checkout_writes(wheel: Path, tmp_path: Path) -> None:
    installed = Installed(tmp_path / "site")
    zipfile.ZipFile(wheel).extractall(installed.folder)
    for distribution in closure("render"):
        lay(installed.folder, distribution)

    installed.run("-m", "render", tmp_path / "installed")
    subprocess.run([sys.executable, "-m", "render", tmp_path / "checkout"], cwd=ROOT, check=True)

    written = tree(tmp_path / "installed")
    assert len(written) > 30
    assert written == tree(tmp_path / "checkout")


def tree(folder: Path) -> dict[str, bytes]:
    """Return each file below a folder with what is in it."""
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


def test_the_wheel_holds_the_product_and_nothing_of_its_tests(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}

    assert {"tests", "testbed", "tools", "hatch_build.py"}.isdisjoint(tops)
    assert {"health_bridge/page.html", "catalog/xid.csv", "render/jsonnet/mixin.libsonnet"} <= set(
        names
    )
    scripts = zipfile.ZipFile(wheel).read(
        f"railwatch-{catalog.__version__}.dist-info/entry_points.txt"
    )
    assert scripts.decode().count("railwatch-") == len(PROGRAMS)


@pytest.fixture(scope="module")
def about(wheel: Path) -> Metadata:
    name = f"railwatch-{catalog.__version__}.dist-info/METADATA"
    return Metadata.from_email(zipfile.ZipFile(wheel).read(name))


def test_a_package_index_shows_what_a_reader_looks_for(about: Metadata) -> None:
    assert about.license_expression == "Apache-2.0"
    assert about.license_files == ["LICENSE"]
    assert str(about.requires_python) == ">=3.11"
    assert {*(about.provides_extra or ())} >= {"all", "bridge", "scheduler", "render"}
    assert about.description_content_type == "text/markdown"
    assert about.keywords


def test_the_description_is_the_readme_with_links_that_lead_somewhere(about: Metadata) -> None:
    site = (about.project_urls or {})["Documentation"]
    text = str(about.description)

    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    ours = [target for target in targets if target.startswith(f"{site}/")]

    assert [target for target in targets if not target.startswith(ANYWHERE)] == []
    assert len(ours) > 30
    assert [target for target in ours if not source(target.removeprefix(site)).exists()] == []
    assert text.startswith("# railwatch\n")
    assert Settings().runbook_url.startswith(f"{site}/runbooks/")


def source(target: str) -> Path:
    """Return the file that the site makes a page of, or has as it is."""
    path = target.partition("#")[0].lstrip("/")
    return ROOT / "docs" / re.sub(r"\.html$", ".md", path)


@pytest.mark.parametrize("name", ["bridge", "scheduler", "render"])
def test_a_program_without_its_extra_names_it(name: str, wheel: Path, tmp_path: Path) -> None:
    installed = Installed(tmp_path / "site")
    zipfile.ZipFile(wheel).extractall(installed.folder)
    for distribution in closure(""):
        lay(installed.folder, distribution)

    told = installed.run("-c", f"from program.extras import {name}; print({name}())", errors=True)

    code, said = told.splitlines()
    assert code == "1"
    assert said.startswith(f"railwatch-{name}: error: ")
    assert said.endswith(f" is not installed: pip install 'railwatch[{name}]'")
