"""Values that exist are documented, known to the schema and used; others are refused."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.install.charts import Chart, Object, run, tool
from tests.install.values import PAGE, VALUES, WHOLE, all_defaults, described, table

SCHEMA = json.loads((VALUES.parent / "values.schema.json").read_text(encoding="utf-8"))

Case = tuple[str, Any, str]
"""A value's key, the value, and what is said of it as a mistake, or made of it as none."""


def term(**expression: Any) -> list[Object]:
    return [{"matchExpressions": [expression]}]


WRONG: list[Case] = [
    ("image.registry", "https://images.example.com", "does not match pattern"),
    ("image.registry", "registry.example.com/gpu:5000/x", "does not match pattern"),
    ("image.registry", "registry.example.com/GPU", "does not match pattern"),
    ("image.registry", " registry.example.com", "does not match pattern"),
    ("image.tag", 1.2, "got number, want string"),
    ("image.tag", ":1.2", "does not match pattern"),
    ("image.tag", ".1", "does not match pattern"),
    ("image.tag", "a/b", "does not match pattern"),
    ("image.pullPolicy", "always", "'Always', 'IfNotPresent', 'Never'"),
    ("image.pullSecrets", ["key"], "got string, want object"),
    ("image.pullSecrets", [{"nam": "key"}], "'nam' not allowed"),
    ("image.pullSecrets", [{"name": "My_Key"}], "'My_Key' does not match"),
    ("exporter.profile", "least_privilege", "'full', 'least-privilege'"),
    ("exporter.runtimeClassName", "NVIDIA", "'NVIDIA' does not match pattern"),
    ("exporter.nodes", "gpu", "got string, want array"),
    ("exporter.nodeLabels", {"gpu": {"nvidia.com/gpu.present": "true"}}, "got object, want array"),
    ("exporter.nodeLabels", {"gpu": []}, "minItems"),
    ("exporter.nodeLabels", {"gpu": [{}]}, "minProperties"),
    ("exporter.nodeLabels", {"gpu": [{"matchLabels": {"a": "b"}}]}, "'matchLabels' not allowed"),
    ("exporter.nodeLabels", {"a": term(key="a", operator="in", values=["b"])}, "'In', 'NotIn'"),
    ("exporter.nodeLabels", {"a": term(key="a", operator="In")}, "missing property 'values'"),
    ("exporter.nodeLabels", {"a": term(key="a", operator="In", values="b")}, "want array"),
    ("exporter.nodeLabels", {"a": term(key="a", operator="In", values=[True])}, "want string"),
    ("exporter.nodeLabels", {"a": term(key="a", operator="Exists", values=["b"])}, "maxItems"),
    ("exporter.nodeLabels", {"a": term(label="a", operator="Exists")}, "missing property 'key'"),
    ("exporter.nodeSelector", "pool=gpu", "got string, want object"),
    ("exporter.nodeSelector", {"pool": True}, "got boolean, want string"),
    ("exporter.nodeSelector", {"pool": "a b"}, "'a b' does not match pattern"),
    ("exporter.nodeSelector", {"a b": "c"}, "'a b' not allowed"),
    ("exporter.args", "--interval=5s", "got string, want array"),
    ("exporter.args", ["-interval=5s"], "'-interval=5s' does not match pattern"),
    ("exporter.args", ["--interval 5s"], "'--interval 5s' does not match pattern"),
    ("exporter.args", ["--interval", "5s"], "'5s' does not match pattern"),
    ("exporter.args", [{"--interval": "5s"}], "got object, want string"),
    ("exporter.resources", {"memory": "1Gi"}, "'memory' not allowed"),
    ("exporter.resources", {"limit": {"memory": "1Gi"}}, "'limit' not allowed"),
    ("exporter.resources", {"limits": "1Gi"}, "got string, want object"),
    ("exporter.resources", {"limits": {"memory": "256MB"}}, "'256MB' does not match pattern"),
    ("exporter.resources", {"limits": {"memory": "256 Mi"}}, "'256 Mi' does not match pattern"),
    ("exporter.resources", {"limits": {"memory": "1GiB"}}, "'1GiB' does not match pattern"),
    ("exporter.resources", {"limits": {"memory": "512m"}}, "'512m' does not match pattern"),
    ("exporter.resources", {"limits": {"memory": "-1Gi"}}, "'-1Gi' does not match pattern"),
    ("exporter.resources", {"limits": {"memory": -1}}, "minimum: got -1, want 0"),
    ("exporter.resources", {"limits": {"mem": "1Gi"}}, "'mem' not allowed"),
    ("exporter.resources", {"requests": {"cpu": "100mm"}}, "'100mm' does not match pattern"),
    ("exporter.resources", {"requests": {"cpu": "0,5"}}, "'0,5' does not match pattern"),
    ("exporter.resources", {"requests": {"cpu": True}}, "got boolean, want number or string"),
    ("exporter.volumes", {"name": "a"}, "got object, want array"),
    ("exporter.volumes", [{"configMap": {"name": "a"}}], "missing property 'name'"),
    ("exporter.volumes", [{"name": "a"}], "minProperties"),
    ("exporter.volumes", [{"name": "a", "configmap": {}}], "'configmap' not allowed"),
    ("exporter.volumes", [{"name": "A_b", "configMap": {}}], "'A_b' does not match pattern"),
    ("exporter.volumeMounts", [{"name": "a", "mountPath": "x"}], "'x' does not match pattern"),
    ("exporter.volumeMounts", [{"name": "a", "path": "/x"}], "missing property 'mountPath'"),
    (
        "exporter.volumeMounts",
        [{"name": "a", "mountPath": "/x", "readonly": True}],
        "'readonly' not allowed",
    ),
    ("fabric.enabled", 1, "got number, want boolean"),
    ("bridge.replicas", -1, "minimum: got -1, want 1"),
    ("bridge.replicas", 100, "maximum: got 100, want 10"),
    ("bridge.replicas", "2", "got string, want integer"),
    ("bridge.replicas", 2.5, "got number, want integer"),
    ("bridge.alertmanagerUrls", "http://a:9093", "got string, want array"),
    ("bridge.alertmanagerUrls", [], "minItems"),
    ("bridge.alertmanagerUrls", ["a:9093"], "'a:9093' does not match pattern"),
    ("bridge.alertmanagerUrls", ["http:/a:9093"], "'http:/a:9093' does not match pattern"),
    ("bridge.alertmanagerUrls", ["http://"], "'http://' does not match pattern"),
    ("bridge.alertmanagerUrls", ["http://a:9093 "], "does not match pattern"),
    ("bridge.prometheusUrls", ["htttp://a:9090"], "does not match pattern"),
    ("bridge.prometheusUrls", ["http://a:nine"], "does not match pattern"),
    ("bridge.prometheusUrls", ["http://a:9090?x=1"], "does not match pattern"),
    ("bridge.prometheusUrls", ["http://a:9090", "http://a:9090"], "items at 0 and 1 are equal"),
    ("bridge.cluster", " ", "does not match pattern"),
    ("bridge.verdictMax", "evict", "'observe', 'avoid', 'cordon', 'drain'"),
    ("bridge.verdictMax", "Observe", "'observe', 'avoid', 'cordon', 'drain'"),
    ("scheduler.replicas", 0, "minimum: got 0, want 1"),
    ("scheduler.drain", "yes", "got string, want boolean"),
    ("scheduler.drain", {"enabled": True}, "got object, want boolean"),
    ("scheduler.rights", "none", "'all', 'needed'"),
    ("scheduler.kubeScheduler.image", "kube-scheduler", "does not match pattern"),
    ("scheduler.kubeScheduler.image", "mirror:5000/kube-scheduler", "does not match pattern"),
    ("scheduler.kubeScheduler.image", "https://mirror/kube-scheduler:v1", "does not match"),
    ("scheduler.kubeScheduler.image", "kube-scheduler: v1", "does not match pattern"),
    ("scheduler.kubeScheduler.config", {"kind": "a"}, "got object, want string"),
    ("monitoring.rules", True, "got boolean, want array"),
    ("monitoring.rules", ["all"], "'shard', 'global'"),
    ("monitoring.rules", ["shard", "shard"], "items at 0 and 1 are equal"),
    ("monitoring.labels", {"release": 1}, "got number, want string"),
]
"""What the schema refuses."""

REFUSED: list[Case] = [
    ("bridge.verdictMax", "drain", "bridge.cluster: needed where bridge.verdictMax is drain"),
    ("exporter.nodes", ["tpu"], '"tpu" is none of exporter.nodeLabels: cloud, gpu, rdma'),
    ("exporter.args", ["--intervall=5s"], "has no flag --intervall; near it: --interval"),
    ("exporter.args", ["--interval=5"], "--interval=5 is no duration such as 5s"),
    ("exporter.args", ["--interval"], "--interval needs its value in the same item"),
    ("exporter.args", ["--no-interval"], "--no-interval needs its value in the same item"),
    ("exporter.args", ["--no-collector.gpus"], "has no flag --collector.gpus; near it: --collec"),
    ("exporter.args", ["--zebra"], "exporter.args: railwatch-exporter has no flag --zebra\n"),
    ("bridge.args", ["--log.level=debugg"], "--log.level=debugg is none of {debug,info,warn,err"),
    ("bridge.args", ["--pause=true"], "--pause=true takes no value: --pause or --no-pause"),
    ("bridge.args", ["--verdict.max=drain"], "--verdict.max is a value: bridge.verdictMax"),
    ("scheduler.args", ["--no-drain"], "scheduler.args: --drain is a value: scheduler.drain"),
    ("scheduler.args", ["--key-prefix=x.io"], "is x.io, and that of bridge.args railwatch.io"),
    ("bridge.args", ["--key-prefix=x.io"], "is railwatch.io, and that of bridge.args x.io"),
    ("scheduler.kubeScheduler.config", "kind: Pod", "KubeSchedulerConfiguration: kind is Pod"),
    ("scheduler.kubeScheduler.config", "a: [", "scheduler.kubeScheduler.config: not the text of"),
    ("bridge.volumes", [{"name": "tmp", "emptyDir": {}}], "bridge.volumes: tmp is there already"),
    (
        "bridge.volumeMounts",
        [{"name": "mine", "mountPath": "/mine"}],
        "bridge.volumeMounts: no volume is called mine: proofs, tmp",
    ),
]
"""What the templates refuse, one at a time."""


def nested(key: str, value: Any) -> Object:
    """Return values in which one is said."""
    for name in reversed(key.split(".")):
        value = {name: value}
    assert isinstance(value, dict)
    return value


def merged(one: Object, other: Object) -> Object:
    """Return the values of both."""
    both = {**one, **other}
    for name in one.keys() & other.keys():
        both[name] = merged(one[name], other[name])
    return both


def together(said: list[tuple[str, Any]]) -> Object:
    """Return values in which all of these are said."""
    made: Object = {}
    for key, value in said:
        made = merged(made, nested(key, value))
    return made


def rounds(all_: list[Case]) -> list[list[Case]]:
    """Return cases in lists of which none has two about the same value."""
    made: list[list[Case]] = []
    for case in all_:
        free = (each for each in made if all(case[0] != key for key, _, _ in each))
        if (chosen := next(free, None)) is None:
            made.append(chosen := [])
        chosen.append(case)
    return made


def told(key: str, said: str, refusal: str) -> bool:
    """Whether a mistake is told in a line that names its place."""
    where = f"at '/{key.replace('.', '/')}"
    return any(where in line and said in line for line in refusal.splitlines())


@pytest.mark.parametrize("cases", rounds(WRONG))
def test_a_wrong_value_is_refused_with_its_name(cases: list[Case], chart: Chart) -> None:
    refusal = chart.refusal(together([(key, value) for key, value, _ in cases]))

    assert [(key, said) for key, _, said in cases if not told(key, said, refusal)] == []


@pytest.mark.parametrize(("key", "value", "said"), REFUSED)
def test_what_the_schema_cannot_know_is_refused_with_its_name(
    key: str, value: Any, said: str, chart: Chart
) -> None:
    assert said in chart.refusal(nested(key, value))


def test_helm_lint_refuses_what_helm_template_refuses(chart: Chart) -> None:
    wrong = json.dumps(nested("bridge.verdictMax", "evict"))

    done = run(tool("helm"), "lint", chart.path, "--set-json", wrong)

    assert done.returncode != 0
    assert "at '/bridge/verdictMax'" in done.stdout


RIGHT: list[Case] = [
    ("image.registry", "localhost:5000", "localhost:5000/railwatch-exporter:"),
    ("image.registry", "mirror.example.com/gpu_pool/rail-watch/", "rail-watch/railwatch-bridge:"),
    ("image.tag", "v1.2.3-rc.1_build", ":v1.2.3-rc.1_build"),
    ("exporter.nodeSelector", {"node-role.kubernetes.io/gpu": ""}, "node-role.kubernetes.io/gpu:"),
    ("exporter.resources", {"limits": {"memory": "1.5Gi", "cpu": 2}}, "memory: 1.5Gi"),
    ("exporter.resources", {"requests": {"memory": 134217728, "cpu": "250m"}}, "cpu: 250m"),
    ("exporter.resources", {"limits": {"hugepages-2Mi": "64Mi", "a.b/c": 1}}, "hugepages-2Mi: 64"),
    ("exporter.args", ["--no-collector.gpu.nvlink", "--interval=1m30s"], "--interval=1m30s"),
    ("bridge.prometheusUrls", ["https://p.example.com/a/b/", "http://[fd00::1]:9090"], "[fd00::1]"),
    ("bridge.cluster", "gpu east, 2", "--cluster=gpu east, 2"),
    ("bridge.args", ["--budget.fleet=5%", "--no-leader-elect"], "--no-leader-elect"),
    ("scheduler.kubeScheduler.image", f"m:5000/a/k8s@sha256:{'0' * 64}", "m:5000/a/k8s@sha256:00"),
    ("scheduler.args", ["--pools=pool=a,b"], "--pools=pool=a,b"),
]
"""Values that a schema too narrow would refuse, and what they put into the objects."""


def test_a_value_out_of_the_ordinary_is_taken(chart: Chart) -> None:
    for cases in rounds(RIGHT):
        text = chart.template(more=together([(key, value) for key, value, _ in cases]))
        assert [key for key, _, made in cases if made not in text] == []


MISTYPED = {"boolean": "yes", "integer": "2", "string": 7, "array": "a", "object": ["a"]}
"""A value of another type, by the type that is wanted."""


def test_a_value_of_another_type_is_refused_whichever_it_is(chart: Chart) -> None:
    cases = [(key, MISTYPED[kind(default)]) for key, default in all_defaults().items()]

    refusal = chart.refusal(together(cases))

    assert len(cases) > 50
    assert [key for key, _ in cases if not told(key, "", refusal)] == []


def kind(default: Any) -> str:
    names = {bool: "boolean", int: "integer", str: "string", list: "array", dict: "object"}
    return names[type(default)]


def test_a_name_nearly_right_is_refused_whichever_it_is(chart: Chart) -> None:
    near = [near_miss(key) for key in all_defaults()]

    refusal = chart.refusal(together([(key, True) for key in near]))

    lines = [line for line in refusal.splitlines() if "additional properties" in line]
    said = {(at(line), name) for line in lines for name in re.findall(r"'(\w+)'", line)}
    assert {(f"/{'/'.join(key.split('.')[:-1])}", key.split(".")[-1]) for key in near} <= said


def near_miss(key: str) -> str:
    """Return a key with a letter too many."""
    return f"{key}s"


def at(line: str) -> str:
    found = re.search(r"at '([^']*)'", line)
    return found[1] if found else ""


def test_a_value_that_is_taken_away_is_refused_whichever_it_is(chart: Chart) -> None:
    keys = [*all_defaults()]

    refusal = chart.refusal(together([(key, None) for key in keys]))

    lines = [line for line in refusal.splitlines() if "missing propert" in line]
    said = {f"{at(line)}/{name}" for line in lines for name in re.findall(r"'(\w+)'", line)}
    assert {f"/{key.replace('.', '/')}" for key in keys} <= said


def test_every_value_has_its_line_and_every_line_its_value() -> None:
    assert described().keys() == all_defaults().keys()
    assert table() in PAGE.read_text(encoding="utf-8"), "python -m tests.install.values writes it"


def test_the_schema_knows_the_values_and_no_other() -> None:
    assert set(properties(SCHEMA)) == all_defaults().keys() | {"global"}


def properties(schema: dict[str, Any], above: str = "") -> Iterator[str]:
    for name, part in schema["properties"].items():
        if "properties" in part:
            assert part["additionalProperties"] is False
            yield from properties(part, f"{above}{name}.")
        else:
            yield above + name


def test_every_value_is_used(chart: Chart) -> None:
    templates = "".join(path.read_text() for path in (chart.path / "templates").glob("*"))
    used = set(re.findall(r"\.(\w+)", templates))

    assert {key.split(".")[-1] for key in all_defaults()} <= used


def test_values_that_the_page_names_exist() -> None:
    text = PAGE.read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:exporter|fabric|bridge|scheduler|admission)\.\w+)[`=]", text))

    assert len(named) > 20
    assert named <= all_defaults().keys() | WHOLE


def test_flags_that_have_values_of_their_own_are_flags(chart: Chart) -> None:
    text = (chart.path / "templates" / "_checks.tpl").read_text(encoding="utf-8")
    owned = re.findall(r"(?m)^(bridge|scheduler): \{(.*)\}$", text)

    pairs = [(part, pair.split(": ")) for part, pairs in owned for pair in pairs.split(", ")]
    assert len(pairs) == 8
    for part, (flag, value) in pairs:
        flags = (chart.path / "files" / "flags" / f"railwatch-{part}").read_text(encoding="utf-8")
        assert flag in re.findall(r"(?m)^\S+", flags)
        assert f"{part}.{value}" in all_defaults()
