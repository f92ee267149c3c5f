"""The status page: what it tells, what no label can do to it, and how it looks in a browser."""

import html.parser
import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from health_bridge import page
from health_bridge.decision.waiting import ago
from health_bridge.status import MAX_NODES, Cycle, Facts, status
from testbed.waiting import PATIENCE
from tests.health_bridge.pages import cycle, facts, fleet, trouble
from tests.health_bridge.worlds import NOW, lost_gpu, node
from tests.packages import needs

WIDTHS = {"desktop": (1280, 900), "phone": (390, 844)}


class Outline(html.parser.HTMLParser):
    """What a page is made of: its tags in order, its text, its links."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.words: list[str] = []
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.labelled: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        told = dict(attrs)
        self.links += [value for name in ("href", "src", "action") if (value := told.get(name))]
        self.ids |= {value for value in [told.get("id")] if value}
        self.labelled |= {v for n in ("aria-labelledby", "for") if (v := told.get(n))}

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def shown(text: bytes) -> Outline:
    return Outline(text.decode())


def test_the_page_tells_faults_what_they_wait_for_and_what_withholds_them() -> None:
    told = shown(page.html(trouble()).body).text

    assert "railwatch bridge · train-eu-1" in told
    assert "GpuFellOffBus GpuUnavailable GPU 3 GPU-5f2c1c9e" in told
    assert "the alert to end, after a reboot, then 10m of proven health" in told
    assert "a reboot of the node, then 10m of proven health" in told
    assert "awaiting reboot" in told
    assert "withheld by fleet" in told
    assert "nvidia-device-plugin-daemonset" in told
    assert "no answer within 10s: connection refused" in told
    assert "12m 34s ago" in told
    assert "1h 6m" in told


def test_the_worst_node_comes_first_then_the_oldest() -> None:
    names = [each.name for each in trouble().nodes]

    assert names == ["gpu-044", "gpu-017", "gpu-058", "gpu-050", "gpu-033", "gpu-021"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"paused": "by --pause"}, "Paused: no new taint, by --pause."),
        ({"error": "HTTP 403: forbidden"}, "Not all is done. HTTP 403: forbidden"),
        ({"mode": "shadow"}, "Shadow: nothing is written."),
        ({"mode": "dry run"}, "Dry run: nothing is written."),
        ({"leads": "other_1"}, "other_1 leads"),
        ({"log_error": "No space left"}, "The decision log is not written. No space left"),
    ],
)
def test_what_is_out_of_the_ordinary_stands_at_the_top(fields: dict[str, str], said: str) -> None:
    told = shown(page.html(trouble(**fields)).body).text

    assert said in told
    assert told.index(said) < told.index("Nodes with faults")


def test_a_shadow_shows_the_taints_that_would_be_there() -> None:
    told = shown(page.html(trouble(mode="shadow")).body).text

    assert "GpuUnavailable drain 1" in told


def test_before_the_first_cycle_the_page_says_so() -> None:
    told = shown(page.html(status(facts(), None)).body).text

    assert "No cycle is complete yet." in told
    assert "never" not in told


def test_a_healthy_fleet_is_told_as_such() -> None:
    known, _ = cycle(fleet(8), [])

    told = shown(page.html(status(facts(), known)).body).text

    assert "Nodes with faults Name contains Show None." in told
    assert "Nothing is withheld." in told


def big(count: int) -> Cycle:
    nodes = [node(f"gpu-{number:04}") for number in range(count)]
    known, _ = cycle(nodes, [lost_gpu(each.name) for each in nodes])
    return known


def test_the_page_is_bounded_and_a_filter_finds_the_others() -> None:
    known = big(1000)

    whole, one = status(facts(), known), status(facts(), known, "GPU-0999")

    assert (len(whole.nodes), whole.matching) == (MAX_NODES, 1000)
    assert [each.name for each in one.nodes] == ["gpu-0999"]
    body = page.html(whole).body
    assert "200 of 1000, the worst first" in shown(body).text
    assert len(body) < 400_000
    assert 'value="GPU-0999"' in page.html(one).body.decode()


def test_json_tells_the_same() -> None:
    told = json.loads(page.json(trouble(mode="shadow")).body)

    assert told["version"] == 1
    assert told["counts"]["with faults"] == 6
    assert told["nodes"][0]["name"] == "gpu-044"
    assert told["nodes"][0]["faults"][0]["state"] == "awaiting_reboot"
    assert {"condition": "GpuUnavailable", "verdict": "drain", "nodes": 1} in told["shadow"]
    assert [each["up"] for each in told["sources"]] == [True, True, False]
    assert told["budgets"][0] == {"kind": "fleet", "size": 7, "used": 7, "withheld": 1}


HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'onmouseover='alert(1)",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(1)",
    "</style></title><script>",
    "&lt;b&gt;",
    "\u202egnp.exe",
)


@pytest.mark.parametrize("label", HOSTILE)
def test_no_label_becomes_a_part_of_the_page(label: str) -> None:
    bad = lost_gpu(
        "gpu-001",
        device=label,
        name=label,
        evidence=f"{label}; runbook: javascript:alert(1); runbook: {label}",
    )
    known, _ = cycle(fleet(8), [bad])
    plain, _ = cycle(fleet(8), [lost_gpu("gpu-001", device="x", name="y", evidence="z")])
    what = facts(cluster=label, paused=label, error=label, leads=label, log_error=label)

    hostile = shown(page.html(status(what, known, label)).body)
    benign = shown(page.html(status(replace(what, cluster="c"), plain, "x")).body)

    assert label.split(maxsplit=1)[0] in " ".join(hostile.words)
    assert set(hostile.tags) <= set(benign.tags)
    assert "script" not in hostile.tags
    assert not [link for link in hostile.links if link.lower().startswith("javascript")]
    assert "49" not in re.findall(r"\b49\b", hostile.text)


def test_a_hostile_filter_stays_a_filter() -> None:
    for label in HOSTILE:
        outline = shown(page.html(status(facts(), big(2), label)).body)
        assert "script" not in outline.tags
        assert "img" not in outline.tags


def test_only_web_addresses_become_links() -> None:
    known, _ = cycle(
        fleet(8),
        [
            lost_gpu("gpu-001", evidence="a; runbook: https://runbooks.example.com/a?b=c&d=e"),
            lost_gpu("gpu-002", evidence="b; runbook: file:///etc/passwd"),
        ],
    )

    links = shown(page.html(status(facts(), known)).body).links

    assert [link for link in links if "://" in link] == ["https://runbooks.example.com/a?b=c&d=e"]


def test_the_browser_is_told_to_load_and_run_nothing() -> None:
    answer = page.html(trouble())
    headers = dict(answer.headers)
    text = answer.body.decode()

    assert headers["Content-Security-Policy"].startswith("default-src 'none'; ")
    assert answer.content_type == "text/html; charset=utf-8"
    assert "<script" not in text
    assert "@import" not in text
    assert "url(" not in text
    assert '<meta http-equiv="refresh" content="15">' in text


def test_headings_captions_and_labels_are_there_for_those_who_cannot_see() -> None:
    outline = shown(page.html(trouble(mode="shadow")).body)

    assert outline.tags.count("h1") == 1
    assert outline.tags.count("caption") == outline.tags.count("table")
    assert outline.labelled <= outline.ids
    assert "main" in outline.tags
    assert 'lang="en"' in page.html(trouble()).body.decode()


def luminance(colour: str) -> float:
    full = "".join(each * 2 for each in colour) if len(colour) == 3 else colour
    parts = [int(full[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_every_text_stands_out_from_its_ground_in_light_and_dark() -> None:
    text = page.html(trouble()).body.decode()
    light, dark = (
        dict(re.findall(r"--([a-z-]+): #([0-9a-f]{3,6})", block))
        for block in re.findall(r":root \{(.*?)\}", text, re.DOTALL)
    )

    for colours in (light, dark):
        for name in ("ink", "soft", "link"):
            assert contrast(colours[name], colours["card"]) >= 4.5, name
            assert contrast(colours[name], colours["ground"]) >= 4.5, name
        for name in ("bad", "warn", "good", "calm"):
            assert contrast(colours[name], colours[f"{name}-ground"]) >= 4.5, name


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-3, "0s"), (0.4, "0s"), (61, "1m 1s"), (3600, "1h"), (90_061, "1d 1h"), (86_400, "1d")],
)
def test_a_time_span_is_told_in_its_two_largest_units(seconds: float, said: str) -> None:
    assert ago(seconds) == said


CHROMIUM = (
    "chromium",
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-extensions",
    "--disable-background-networking",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)

MEASURE = """<!doctype html><body style="margin:0"><iframe id="f" src="page.html"
 style="border:0;width:{width}px;height:{height}px"></iframe><pre id="out">?</pre>
<script>
document.getElementById("f").onload = function () {{
  var d = this.contentDocument.documentElement;
  document.getElementById("out").textContent =
    "scroll=" + d.scrollWidth + " client=" + d.clientWidth;
}};
</script>"""


def long_names() -> bytes:
    """A page whose every name is as long as it may be, without a place to break it."""
    nodes = [node("n" * 253), node("gpu-1")]
    findings = [lost_gpu(each.name, device="D" * 128, name="x" * 128) for each in nodes]
    known, _ = cycle(nodes, [replace(each, evidence="e" * 600) for each in findings])
    kinds = {"http://" + "h" * 200: "prometheus"}
    return page.html(status(facts(kinds=kinds), known)).body


@needs("chromium")
@pytest.mark.parametrize("window", WIDTHS)
@pytest.mark.parametrize("names", ["usual", "long"])
def test_nothing_is_wider_than_the_window(tmp_path: Path, window: str, names: str) -> None:
    width, height = WIDTHS[window]
    body = page.html(trouble(mode="shadow")).body if names == "usual" else long_names()
    (tmp_path / "page.html").write_bytes(body)
    (tmp_path / "measure.html").write_text(MEASURE.format(width=width, height=height))

    ended = subprocess.run(
        [
            *CHROMIUM,
            f"--user-data-dir={tmp_path / 'profile'}",
            "--allow-file-access-from-files",
            f"--window-size={max(width, 1280)},{height}",
            "--virtual-time-budget=3000",
            "--dump-dom",
            f"file://{tmp_path}/measure.html",
        ],
        capture_output=True,
        text=True,
        timeout=4 * PATIENCE,
        check=True,
    )

    found = re.search(r"scroll=(\d+) client=(\d+)", ended.stdout)
    assert found is not None, ended.stderr[-500:]
    assert int(found[2]) in range(width - 20, width + 1)
    assert int(found[1]) <= int(found[2])


def test_a_page_of_nothing_known_is_still_a_page() -> None:
    assert page.html(status(Facts(now=NOW, version="1"), None)).status == 200
