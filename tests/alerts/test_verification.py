"""Which nodes are proven complete and healthy, as the real promtool evaluates it."""

import re
from pathlib import Path

import promql_parser
import yaml

from alerts.verification import query
from catalog.registry import by_name
from tests.alerts.promtool import INTERVALS, question, rendered, run

GPUS = {
    f'railwatch_gpu_state{{node="n1",job="railwatch-exporter",gpu="{i}",uuid="GPU-{i}",state="ok"}}'
    for i in range(2)
}
OK = "1x100"
NODE = 'node="n1",job="railwatch-exporter"'
PORT = f'{NODE},device="mlx5_0",port="1"'
EXPECTED = f'railwatch_rdma_port_expected{{{PORT},source="learned"}}'
STATE = f"railwatch_rdma_port_state{{{PORT}}}"
COUNT = f'railwatch_rdma_ports_expected{{{NODE},source="learned"}}'
GPU_COUNT = f'railwatch_gpu_expected{{{NODE},source="learned"}}'
NO_RDMA = (
    f'railwatch_exporter_collector_state{{{NODE},family="rdma",facility="port",state="absent"}}'
)
OTHERS = f'railwatch_gpu_state{{{NODE},gpu="1",uuid="GPU-1",state="not_managed"}}'


def collector(family: str, facility: str) -> dict[str, str]:
    told = f'{NODE},family="{family}",facility="{facility}"'
    return {
        f'railwatch_exporter_collector_state{{{told},state="ok"}}': OK,
        f"railwatch_exporter_collector_age_seconds{{{told}}}": "0x100",
    }


BASE = {
    f"up{{{NODE}}}": OK,
    f"railwatch_exporter_interval_seconds{{{NODE}}}": "15x100",
    f"railwatch_node_boot_time_seconds{{{NODE}}}": OK,
    **collector("gpu", "state"),
    **collector("node", "boot"),
}
WHOLE = {
    **BASE,
    **dict.fromkeys(GPUS, OK),
    GPU_COUNT: "2x100",
    COUNT: OK,
    EXPECTED: OK,
    STATE: "4x100",
}
BARE = {**BASE, **dict.fromkeys(GPUS, OK), GPU_COUNT: "2x100"}
REPLACED = f'railwatch_gpu_state{{{NODE},gpu="9",uuid="GPU-9",state="ok"}}'
LATE = "0x60 1x39"


CASES: dict[str, tuple[dict[str, str], bool]] = {
    "all there": (WHOLE, True),
    "no RDMA hardware": ({**BARE, NO_RDMA: OK}, True),
    "no port expected": ({**BARE, COUNT: "0x100"}, True),
    "a GPU that another manages": ({**WHOLE, sorted(GPUS)[1]: "0x100", OTHERS: OK}, True),
    "RDMA unknown": (BARE, False),
    "RDMA absent for too short": ({**BARE, NO_RDMA: LATE}, False),
    "RDMA absent though expected": ({**BARE, NO_RDMA: OK, COUNT: OK}, False),
    "a GPU not well": ({**WHOLE, sorted(GPUS)[1]: "0x100"}, False),
    "a GPU well for too short": ({**WHOLE, sorted(GPUS)[1]: LATE}, False),
    "a GPU too few": ({**WHOLE, GPU_COUNT: "3x100"}, False),
    "GPUs expected unknown": (
        {name: values for name, values in WHOLE.items() if name != GPU_COUNT},
        False,
    ),
    "a port down": ({**WHOLE, STATE: "1x100"}, False),
    "a port too few": ({**WHOLE, COUNT: "2x100"}, False),
    "the exporter just died": ({**WHOLE, f"up{{{NODE}}}": "1x90 0x9"}, False),
    "booted a moment ago": (
        {**WHOLE, f"railwatch_node_boot_time_seconds{{{NODE}}}": "1200x100"},
        False,
    ),
}


def test_only_what_is_complete_and_healthy_is_proven(tmp_path: Path) -> None:
    asked = query(INTERVALS).replace("$selector", 'node="n1"')
    tests = [
        {
            "name": name,
            "interval": "15s",
            "input_series": [{"series": k, "values": v} for k, v in series.items()],
            "promql_expr_test": [question(asked, "24m", ['{node="n1"}'] if proven else [])],
        }
        for name, (series, proven) in CASES.items()
    ]
    for expected, whole in ((2, True), (3, False)):
        others = query(INTERVALS).replace("$selector", 'node="n1",uuid!~"GPU-9"')
        series = {**WHOLE, REPLACED: OK, GPU_COUNT: f"{expected}x100"}
        answer = question(others, "24m", ['{node="n1"}'] if whole else [])
        test = {"name": f"{expected} expected, and one of 3 left out", "interval": "15s"}
        given = [{"series": k, "values": v} for k, v in series.items()]
        tests.append({**test, "input_series": given, "promql_expr_test": [answer]})
    document = {
        "rule_files": [str(rendered(tmp_path) / "rules" / "shard" / "recording.yaml")],
        "evaluation_interval": "15s",
        "tests": tests,
    }
    path = tmp_path / "asked.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")

    done = run("test", "rules", path)

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_selector_takes_the_nodes_asked_for_and_every_metric_is_known() -> None:
    text = query(INTERVALS)

    promql_parser.parse(text.replace("$selector", 'node="a"'))
    assert all("$selector" in each for each in re.findall(r"\{[^}]*\}", text))
    used = set(re.findall(r"\b(?:railwatch_\w+|railwatch:\w+|up)(?=[{\[)\s])", text))
    assert used <= {*by_name(), "up", "railwatch:observed"}
    assert not re.search(r"\b(unless|absent|absent_over_time|bool|offset|vector)\(", text)
