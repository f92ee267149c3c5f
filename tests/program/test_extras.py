"""A program that was installed without its extra names it."""

import sys
from importlib.machinery import ModuleSpec

import pytest

from program import extras


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which no package stands behind any import of the programs that start."""

    def lacking(module: str) -> object:
        raise ModuleNotFoundError(
            f"No module named 'kubernetes', for {module}", name="kubernetes.client"
        )

    monkeypatch.setattr(extras, "import_module", lacking)


@pytest.mark.parametrize("name", ["bridge", "scheduler", "render"])
def test_a_missing_package_is_named_with_the_extra_that_brings_it(
    name: str, without: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda _package: None)

    code = getattr(extras, name)()

    told = capsys.readouterr().err
    assert code == 1
    assert told == (
        f"railwatch-{name}: error: kubernetes is not installed: pip install 'railwatch[{name}]'\n"
    )


def test_a_package_that_is_there_and_broken_is_no_matter_of_extras(
    without: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda package: ModuleSpec(package, None))

    with pytest.raises(ModuleNotFoundError):
        extras.bridge()


def test_with_its_extra_it_starts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["railwatch-render", "--version"])

    with pytest.raises(SystemExit) as ended:
        extras.render()

    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("railwatch-render ")
