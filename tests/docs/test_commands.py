"""Every command of README and quick start is run as it stands there, or it says here why not."""

import re
from collections.abc import Iterator

import pytest
import yaml

from testbed.api import Object
from testbed.servers import Cluster
from tests.docs.desk import STAND_IN, Desk, commands, desk_at
from tests.docs.pages import page

QUICKSTART, README = "docs/quickstart.md", "README.md"
TRANSLATED = {QUICKSTART: "docs/zh/quickstart.md", README: "README.zh-CN.md"}

ELSEWHERE = {"README.md", "quickstart.md"}
"""Names that only a translation needs: those of the originals."""

NOT_RUN = {
    "make setup": "sets up what this test runs in, system packages included",
    "podman build": "needs a registry to build from; tests/install checks each step of the recipe",
    "podman push": "needs a registry",
}
"""Commands by their first words, and why no test can run them."""

THEIRS = {"route": {"receiver": "people"}, "receivers": [{"name": "people"}]}
"""An Alertmanager configuration of somebody's own."""


def reason(command: str) -> str | None:
    """Return why a command is not run; None where it is."""
    return next((why for words, why in NOT_RUN.items() if command.startswith(words)), None)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk_at(tmp_path_factory.mktemp("desk"), Cluster(controller_manager=True)) as desk:
        yield desk


@pytest.mark.cluster
@pytest.mark.timeout(900)
def test_the_quick_start_runs_from_its_first_line_to_its_last(desk: Desk) -> None:
    (toml,) = page(QUICKSTART).blocks("toml")
    (desk.root / "render.toml").write_text(toml, encoding="utf-8")
    (desk.root / "alertmanager.yaml").write_text(yaml.safe_dump(THEIRS))

    for command in commands(QUICKSTART):
        if reason(command) is None:
            desk.run(command)

    rules = desk.root / "build/render/prometheus/rules/shard"
    assert any("wiki.example.com" in path.read_text() for path in rules.glob("*.yaml"))
    routes = "build/render/alertmanager/alertmanager.yaml"
    assert "SUCCESS" in desk.run(f"amtool check-config {routes}")
    assert "channel: '#gpus'" in (desk.root / routes).read_text()
    bridge = arguments(desk, "railwatch-bridge")
    assert {"--verdict.max=avoid", "--cluster=gpu-east"} <= bridge
    assert "--drain" in arguments(desk, "railwatch-scheduler")


@pytest.mark.cluster
def test_the_commands_of_the_readme_run_as_well(desk: Desk) -> None:
    """Over what the quick start has installed, too: they set everything to how it begins."""
    for command in commands(README):
        desk.run(command)

    assert "--verdict.max=observe" in arguments(desk, "railwatch-bridge")
    assert "--drain" not in arguments(desk, "railwatch-scheduler")
    proofs = desk.cluster.api.get("/api/v1/namespaces/railwatch/configmaps/railwatch-proofs")
    assert "proofs.yaml" in proofs["data"]


@pytest.mark.cluster
@pytest.mark.timeout(900)
def test_what_stands_in_for_kubectl_does_as_it_is_told(desk: Desk) -> None:
    api, config = desk.cluster.api, "/api/v1/namespaces/railwatch/configmaps/railwatch-bridge"
    api.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "gpu-0"}})

    desk.run(f"{STAND_IN} apply -k deploy/")
    desk.run(f"{STAND_IN} apply -f deploy/namespace.yaml")
    desk.run(f"{STAND_IN} annotate node gpu-0 example.com/told=yes --overwrite")
    desk.run(f"{STAND_IN} label nodes --all example.com/mine=1")
    desk.run(f"{STAND_IN} label nodes --all example.com/mine- example.com/never-was-")
    desk.run(f"{STAND_IN} -n railwatch create configmap railwatch-bridge --from-literal=pause=true")
    created = api.get(config)["data"]
    patch = """'{"data":{"pause":"false"}}'"""
    desk.run(f"{STAND_IN} -n railwatch patch configmap railwatch-bridge --type merge -p {patch}")
    desk.run(f"{STAND_IN} -n railwatch scale deployment railwatch-bridge --replicas=0")

    assert desk.run(f"{STAND_IN} get nodes -o wide") == "gpu-0\n"
    assert "labels" not in desk.cluster.node("gpu-0")["metadata"]
    assert "    example.com/told: yes\n" in desk.run(f"{STAND_IN} get nodes -o yaml").replace(
        "'", ""
    )
    assert "--verdict.max=observe" in arguments(desk, "railwatch-bridge")
    assert (created, api.get(config)["data"]) == ({"pause": "true"}, {"pause": "false"})
    assert deployment(desk, "railwatch-bridge")["spec"]["replicas"] == 0
    desk.run(f"{STAND_IN} delete namespace railwatch")
    assert "railwatch" not in {each["metadata"]["name"] for each in api.items("/api/v1/namespaces")}
    with pytest.raises(AssertionError, match="invalid choice: 'nodes'"):
        desk.run(f"{STAND_IN} delete nodes gpu-0")


def deployment(desk: Desk, name: str) -> Object:
    return desk.cluster.api.get(f"/apis/apps/v1/namespaces/railwatch/deployments/{name}")


def arguments(desk: Desk, name: str) -> set[str]:
    """Return the flags that a Deployment's first container was given."""
    return set(deployment(desk, name)["spec"]["template"]["spec"]["containers"][0]["args"])


def test_what_is_not_run_says_why_and_is_there() -> None:
    there = commands(README) + commands(QUICKSTART)
    assert [words for words in NOT_RUN if not any(each.startswith(words) for each in there)] == []
    assert len([each for each in there if reason(each) is None]) >= 15


@pytest.mark.parametrize(("ours", "theirs"), TRANSLATED.items())
def test_the_translation_has_the_same_blocks(ours: str, theirs: str) -> None:
    for kind in ("sh", "text", "toml", "yaml"):
        assert page(ours).blocks(kind) == page(theirs).blocks(kind)


@pytest.mark.parametrize(("ours", "theirs"), TRANSLATED.items())
def test_the_translation_names_nothing_that_the_original_does_not(ours: str, theirs: str) -> None:
    names = re.compile(r"--[a-z][\w.-]+|railwatch[\w./-]*[\w]|[\w-]+\.[A-Za-z]\w+")
    original = set(names.findall(page(ours).text))

    assert {n for n in names.findall(page(theirs).text) if n not in original} <= ELSEWHERE


@pytest.mark.parametrize(("ours", "theirs"), TRANSLATED.items())
def test_the_translation_has_the_same_sections(ours: str, theirs: str) -> None:
    levels = [
        [
            line.split(" ")[0]
            for line in page(name).text.splitlines()
            if line.startswith(("## ", "### "))
        ]
        for name in (ours, theirs)
    ]
    assert levels[0] == levels[1]
