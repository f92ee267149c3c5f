from datetime import timedelta
from pathlib import Path

import pytest

from alerts.tuning import expression
from catalog.verdicts import Verdict
from render.lines import line_of
from render.reading import SettingsError
from render.settings import Settings, load


def loaded(folder: Path, text: str) -> Settings:
    path = folder / "render.toml"
    path.write_text(text, encoding="utf-8")
    return load(path)


def refused(folder: Path, text: str) -> str:
    with pytest.raises(SettingsError) as error:
        loaded(folder, text)
    return str(error.value)


def test_the_defaults_are_what_they_are_promised_to_be() -> None:
    settings = load(None)

    assert settings.prometheus.scrape_interval == timedelta(seconds=15)
    assert settings.prometheus.evaluation_interval == timedelta(seconds=15)
    assert settings.scrape.discovery == "kubernetes"
    assert settings.scrape.port == "metrics"
    assert settings.alertmanager.group_wait == timedelta(seconds=30)
    assert settings.alertmanager.repeat_interval == timedelta(hours=4)
    assert settings.alertmanager.people == {}
    assert settings.bridge.soak_scale == 1
    assert settings.kubernetes.namespace == "railwatch"
    assert settings.alerts == {}


def test_an_empty_file_is_the_defaults(tmp_path: Path) -> None:
    assert loaded(tmp_path, "") == Settings()


def test_one_alert_is_changed_without_forking_it(tmp_path: Path) -> None:
    settings = loaded(
        tmp_path,
        """
        [alerts.RdmaLinkFlapping]
        for = "2m"
        severity = "critical"
        verdict = "cordon"
        soak = "30m"
        thresholds = { times = 5, window = "2h" }
        """,
    )

    alert = next(each for each in settings.tuned() if each.name == "RdmaLinkFlapping")

    assert alert.hold == timedelta(minutes=2)
    assert alert.severity == "critical"
    assert alert.fault
    assert alert.fault.verdict is Verdict.CORDON
    assert alert.proof
    assert alert.proof.soak == timedelta(minutes=30)
    assert "[2h]" in expression(alert)
    assert ">= 5" in expression(alert)


def test_an_alert_that_is_off_is_not_there(tmp_path: Path) -> None:
    settings = loaded(tmp_path, "[alerts.ExporterDown]\noff = true\n")

    assert "ExporterDown" not in {alert.name for alert in settings.tuned()}


def test_the_soak_scale_goes_for_every_alert_that_has_no_soak_of_its_own(tmp_path: Path) -> None:
    settings = loaded(tmp_path, '[bridge]\nsoak_scale = 0.5\n[alerts.RdmaLinkDown]\nsoak = "4m"\n')

    soaks = {alert.name: alert.proof.soak for alert in settings.tuned() if alert.proof}

    assert soaks["GpuFellOffBus"] == timedelta(minutes=5)
    assert soaks["RdmaLinkDown"] == timedelta(minutes=4)


def test_the_receiver_for_people_is_in_alertmanagers_own_words(tmp_path: Path) -> None:
    settings = loaded(
        tmp_path, '[[alertmanager.people.slack_configs]]\nchannel = "#gpu"\nsend_resolved = true\n'
    )

    assert settings.alertmanager.people == {
        "slack_configs": [{"channel": "#gpu", "send_resolved": True}]
    }


def test_teams_and_clusters_have_receivers_of_their_own(tmp_path: Path) -> None:
    settings = loaded(
        tmp_path,
        """
        teams = { training = "ml" }
        [[alertmanager.teams.ml.slack_configs]]
        channel = "#ml"
        [[alertmanager.clusters.us.slack_configs]]
        channel = "#us"
        [[alertmanager.pages.pagerduty_configs]]
        routing_key = "key"
        """,
    )

    assert settings.teams == {"training": "ml"}
    assert settings.alertmanager.teams == {"ml": {"slack_configs": [{"channel": "#ml"}]}}
    assert settings.alertmanager.clusters == {"us": {"slack_configs": [{"channel": "#us"}]}}
    assert settings.alertmanager.pages == {"pagerduty_configs": [{"routing_key": "key"}]}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[promtheus]\n", "promtheus: unknown setting; did you mean prometheus?"),
        (
            '[prometheus]\nscrape_intervall = "5s"\n',
            "prometheus.scrape_intervall: unknown setting; did you mean scrape_interval?",
        ),
        ('[alerts.RdmaLinkFlaping]\nfor = "1m"\n', "no such alert; did you mean RdmaLinkFlapping?"),
        (
            "[alerts.RdmaLinkFlapping.thresholds]\ntime = 4\n",
            "alerts.RdmaLinkFlapping.thresholds.time: no such threshold; did you mean times?",
        ),
        (
            "[alerts.GpuFellOffBus.thresholds]\nx = 4\n",
            "thresholds.x: no such threshold; there are none here",
        ),
        (
            "[alerts.RdmaLinkFlapping.thresholds]\nwindow = 4\n",
            "thresholds.window: must be a duration",
        ),
        (
            '[alerts.RdmaLinkFlapping.thresholds]\ntimes = "4m"\n',
            "thresholds.times: must be a number",
        ),
        (
            "[prometheus]\nscrape_interval = 5\n",
            'prometheus.scrape_interval: must be a duration such as "15s", not 5',
        ),
        (
            '[prometheus]\nscrape_interval = "5 s"\n',
            "prometheus.scrape_interval: '5 s' is not a duration",
        ),
        ('[prometheus]\nscrape_interval = "5m"\n', "must lie between 1s and 1m"),
        ('[alerts.GpuFellOffBus]\noff = "yes"\n', "off: must be true or false, not 'yes'"),
        ("[bridge]\nsoak_scale = true\n", "bridge.soak_scale: must be a number, not true"),
        ("[bridge]\nsoak_scale = 0\n", "bridge.soak_scale: must be more than 0 and at most 100"),
        ('[scrape]\nfiles = "a.yaml"\n', "scrape.files: must be a list, not 'a.yaml'"),
        ("[scrape]\nfiles = [1]\n", "scrape.files[0]: must be text, not 1"),
        ('[scrape]\ndiscovery = "dns"\n', "scrape.discovery: 'dns' is none of kubernetes, file"),
        ('[scrape]\ndiscovery = "file"\n', "scrape.files: needed for discovery"),
        ('[scrape]\ndiscovery = "file"\nfiles = ["t/*"]\n', "'t/*' is not such as targets/*.yaml"),
        ('[scrape]\ndiscovery = "file"\nfiles = ["*/t.yml"]\n', "have a * in the file's name"),
        ('[scrape]\nport = "Metrics"\n', "scrape.port: 'Metrics' is no name of a port"),
        ('[alerts.GpuFellOffBus]\nverdict = "kill"\n', "verdict: unknown verdict 'kill'"),
        ('[alerts.GpuFellOffBus]\nseverity = "page"\n', "severity: none of critical, warning"),
        ('[alerts.GpuFellOffBus]\nsoak = "20s"\n', "soak: 20 s is too short to prove anything"),
        ('[alerts.ExporterDown]\nverdict = "drain"\n', "verdict: ExporterDown is for people"),
        ('[alerts.ExporterDown]\nsoak = "5m"\n', "soak: ExporterDown is for people"),
        ("[bridge]\nsoak_scale = inf\n", "bridge.soak_scale: must be a finite number, not inf"),
        ('[alerts.ExporterDown]\nfor = "999999999w"\n', "for: '999999999w' is too long"),
        (
            '[alerts.RdmaLinkFlapping.thresholds]\nwindow = "0s"\n',
            "thresholds.window: must be more than 0s",
        ),
        ('[alertmanager]\ngroup_interval = "0s"\n', "group_interval: must be more than 0s"),
        ('[alertmanager]\nbridge_url = "bridge:9411"\n', "is not an http or https URL"),
        ('[alertmanager]\nbridge_url = ""\n', "bridge_url: must not be empty"),
        ('[alertmanager.people]\nname = "x"\n', "people.name: the receiver is called by us"),
        (
            "[[alertmanager.people.slack_config]]\n",
            "alertmanager.people.slack_config: expected a list",
        ),
        (
            "[alertmanager.pages.slack_configs]\n",
            "alertmanager.pages.slack_configs: expected a list",
        ),
        ('[alertmanager]\nbridge_token_secret = "x"\n', "must be the Secret's name and key"),
        ('[[alertmanager.teams."a b".slack_configs]]\nchannel = "x"\n', "a team or cluster is"),
        (
            '[teams]\nml = "vision"\n[[alertmanager.teams.vison.slack_configs]]\nchannel = "x"\n',
            "alertmanager.teams.vison: has no namespace in [teams]; did you mean vision?",
        ),
        ("[alerts.RdmaLinkFlapping.thresholds]\ntimes = 0\n", "times: must be more than 0"),
        ("[alerts.GangPending.thresholds]\nidle = -1\n", "idle: must not be negative"),
        ('runbook_url = "https://x/{name}"\n', "must have {alert}, and no other"),
        ('runbook_url = "https://x/{alert}/{0}"\n', "must have {alert}, and no other"),
        ('runbook_url = "https://x"\n', "must have {alert}, and no other"),
        ('[dashboards]\ncluster_label = "my-cluster"\n', "'my-cluster' is no name of a label"),
        ("[dashboards]\njob = 'a\"b'\n", "dashboards.job: 'a\"b' is not a letter"),
        ('[dashboards]\nrefresh = "often"\n', "dashboards.refresh: 'often' is not such as"),
        ("[dashboards]\ntags = []\n", "dashboards.tags: must be a list such as"),
        ('[grafana]\nfolder = ""\n', "grafana.folder: must not be empty"),
        ('[grafana]\ndata_source = "My Prometheus"\n', "is no uid of a data source"),
        ('[kubernetes]\nnamespace = "Mine"\n', "namespace: 'Mine' is no name of a namespace"),
        ('[kubernetes.labels]\n"a b" = "x"\n', "labels.a b: is no name of a label"),
        ('[kubernetes.labels]\nrelease = "x y"\n', "labels.release: 'x y' is no value"),
        ('[teams]\n"ml_a" = "x"\n', "teams.ml_a: is no name of a namespace"),
        ('[prices]\n"p5 48xlarge" = 4\n', "prices.p5 48xlarge: is no instance type"),
        ("alerts = 3\n", "alerts: must be a table, not 3"),
        ("not toml", "Expected '='"),
    ],
)
def test_what_makes_no_sense_is_refused_with_file_key_and_remedy(
    tmp_path: Path, text: str, complaint: str
) -> None:
    message = refused(tmp_path, text)

    assert message.startswith(str(tmp_path / "render.toml"))
    assert complaint in message


TEXT = """\
runbook_url = "https://x/{alert}"
[prometheus]
  scrape_interval = "15s" # a comment
  scrape.port = 1

["alerts".RdmaLinkFlapping]
for = "2m"
thresholds = { times = 5, windw = "2h" }
[alerts.'ExporterDown'.thresholds] # memory = 3
memory = "1h"
[[alertmanager.people.slack_configs]]
channel = "#gpu"
[scrape]
files = [
  "a = b",
]
"""


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("runbook_url", 1),
        ("prometheus.scrape_interval", 3),
        ("prometheus.scrape.port", 4),
        ("prometheus.evaluation_interval", 2),
        ("alerts.RdmaLinkFlapping.for", 7),
        ("alerts.RdmaLinkFlapping.thresholds.windw", 8),
        ("alerts.ExporterDown.thresholds.memory", 10),
        ("alerts.ExporterDown.soak", None),
        ("alertmanager.people.slack_configs[0].channel", 12),
        ("scrape.files[0]", 14),
        ("grafana.folder", None),
    ],
)
def test_a_key_is_found_by_its_line(key: str, line: int | None) -> None:
    assert line_of(TEXT, key) == line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("\n[promtheus]\n", 2),
        ('[prometheus]\nevaluation_interval = "15s"\nscrape_interval = 5\n', 3),
        ('[alerts.GpuFellOffBus]\nsoak = "20s"\n', 2),
        ('a = 1\n\n[prometheus\nx = "y"\n', 3),
        ('[scrape]\ndiscovery = "file"\n', 1),
        ('[prices]\n"p4d" = 1\n"p5.48xlarge" = -1\n', 3),
        ('\n[[alertmanager.teams.ml.slack_configs]]\nchannel = "x"\n', 2),
        ('\nrunbook_url = "https://x"\n', 2),
    ],
)
def test_an_error_names_the_line(tmp_path: Path, text: str, line: int) -> None:
    assert refused(tmp_path, text).startswith(f"{tmp_path / 'render.toml'}:{line}: ")


def test_what_only_people_are_told_of_may_have_no_least_figure(tmp_path: Path) -> None:
    settings = loaded(tmp_path, "[alerts.GangPending.thresholds]\nidle = 0\n")

    assert settings.alerts["GangPending"].thresholds == {"idle": 0}


@pytest.mark.parametrize(
    "text",
    [
        '[kubernetes]\nnamespace = "a-1"\n[kubernetes.labels]\n"example.com/a_b" = "X.y"\nc = ""\n',
        '[dashboards]\nrefresh = ""\ncluster_label = "k8s_cluster"\njob = "gpu/nodes"\n',
        'runbook_url = "/books/{alert}.md#{alert}"\n',
    ],
)
def test_what_is_unusual_and_works_is_taken(tmp_path: Path, text: str) -> None:
    assert loaded(tmp_path, text) != Settings()


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"gone\.toml: No such file"):
        load(tmp_path / "gone.toml")
