"""Everything `render.toml` can say, in one tree; each part belongs to the package that uses it."""

import dataclasses
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from alerts.cases import shortest_soak
from alerts.discovery import NEIGHBOURS, all_alerts, by_family
from alerts.model import Alert
from alerts.recorded import Objectives, RecordingSettings
from alerts.routes import BRIDGE_URL, RouteSettings
from alerts.scrape import ScrapeSettings
from alerts.tuning import AlertSettings, Intervals, TuningError, tune
from catalog.labels import SEVERITIES
from dashboards import Settings as DashboardSettings
from render.lines import line_of
from render.reading import Reader, SettingsError, nearest

LONGEST_INTERVAL = timedelta(minutes=1)
"""Prometheus forgets a sample after five minutes, and three intervals must fit well into them."""

LARGEST_SCALE = 100

RUNBOOK = "{alert}"
"""Stands for the alert's name in the pattern of runbooks' addresses."""

_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_UID = re.compile(r"[A-Za-z0-9_-]{1,40}")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?)?")
_LABEL = re.compile(rf"([a-z0-9][-.a-z0-9]*/)?(?!$){_LABEL_VALUE.pattern}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PrometheusSettings:
    """How often Prometheus works; proofs count samples by it, so it must be what really runs."""

    scrape_interval: timedelta = timedelta(seconds=15)
    """Scrape interval of the exporters."""
    evaluation_interval: timedelta = timedelta(seconds=15)
    """Interval of our rule groups."""

    def __post_init__(self) -> None:
        """Refuse intervals at which nothing could be judged; ValueError names the key."""
        for name in ("scrape_interval", "evaluation_interval"):
            if not timedelta(seconds=1) <= getattr(self, name) <= LONGEST_INTERVAL:
                raise ValueError(f"{name}: must lie between 1s and 1m")

    @property
    def intervals(self) -> Intervals:
        """The same, as the alerts take it."""
        return Intervals(scrape=self.scrape_interval, evaluation=self.evaluation_interval)


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeSettings:
    """What the bridge asks for before it calls a device healthy."""

    soak_scale: float = 1.0
    """Multiplies the soak of every alert that has none of its own in `[alerts.NAME]`."""

    def __post_init__(self) -> None:
        """Refuse a scale that leaves no soak; ValueError names the key."""
        if not 0 < self.soak_scale <= LARGEST_SCALE:
            raise ValueError(f"soak_scale: must be more than 0 and at most {LARGEST_SCALE}")


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesSettings:
    """How the Kubernetes objects are labelled, for those who select them."""

    namespace: str = "railwatch"
    """Namespace of railwatch, where the exporter's pods run."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """More labels, such as the `release` that kube-prometheus-stack selects by."""

    def __post_init__(self) -> None:
        """Refuse what the API server would; ValueError names the key."""
        if not _NAMESPACE.fullmatch(self.namespace):
            raise ValueError(f"namespace: {self.namespace!r} is no name of a namespace")
        for key, value in self.labels.items():
            if not _LABEL.fullmatch(key):
                raise ValueError(f"labels.{key}: is no name of a label")
            if not _LABEL_VALUE.fullmatch(value):
                raise ValueError(f"labels.{key}: {value!r} is no value of a label")


@dataclass(frozen=True, slots=True, kw_only=True)
class GrafanaSettings:
    """How Grafana finds dashboards and data."""

    folder: str = "railwatch"
    """Folder of the dashboards."""
    prometheus_url: str = "http://prometheus-operated.monitoring:9090"
    """The Prometheus of the provisioned data source."""
    dashboards_path: str = "/var/lib/grafana/dashboards/railwatch"
    """Where grafana/dashboards is mounted in Grafana."""
    data_source: str = "railwatch"
    """The uid of the data source that Grafana-managed alerts ask."""
    instances: Mapping[str, str] = field(default_factory=lambda: {"dashboards": "grafana"})
    """Labels of the Grafanas that grafana-operator gives the dashboards to."""

    def __post_init__(self) -> None:
        """Refuse what Grafana would; ValueError names the key."""
        if not self.folder:
            raise ValueError("folder: must not be empty: alert rules have to be in one")
        if not _UID.fullmatch(self.data_source):
            raise ValueError(f"data_source: {self.data_source!r} is no uid of a data source")


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertmanagerSettings(RouteSettings):
    """How alerts are routed, and whose configuration the routes go into."""

    base: str = ""
    """Alertmanager configuration to merge our routes into; from render.toml's own folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All of `render.toml`."""

    runbook_url: str = "https://railwatch.io/runbooks/{alert}"
    """Where the runbooks are; `{alert}` is the alert's name."""
    prometheus: PrometheusSettings = field(default_factory=PrometheusSettings)
    scrape: ScrapeSettings = field(default_factory=ScrapeSettings)
    alertmanager: AlertmanagerSettings = field(default_factory=AlertmanagerSettings)
    bridge: BridgeSettings = field(default_factory=BridgeSettings)
    kubernetes: KubernetesSettings = field(default_factory=KubernetesSettings)
    grafana: GrafanaSettings = field(default_factory=GrafanaSettings)
    dashboards: DashboardSettings = field(default_factory=DashboardSettings)
    alerts: Mapping[str, AlertSettings] = field(default_factory=dict)
    """Changes to single alerts, by name."""
    neighbours: bool = True
    """Alerts about the programs around railwatch; false leaves out all of them."""
    slo: Objectives = field(default_factory=Objectives)
    prices: Mapping[str, float] = field(default_factory=dict)
    """What a GPU costs an hour, by instance type; `unknown` is for nodes that tell none."""
    teams: Mapping[str, str] = field(default_factory=dict)
    """The team that each namespace belongs to."""

    def __post_init__(self) -> None:
        """Refuse what leads nobody anywhere; ValueError names the key."""
        around = self.runbook_url.split(RUNBOOK)
        if len(around) == 1 or re.search("[{}]", "".join(around)):
            raise ValueError(f"runbook_url: {self.runbook_url!r} must have {RUNBOOK}, and no other")
        for namespace in self.teams:
            if not _NAMESPACE.fullmatch(namespace):
                raise ValueError(f"teams.{namespace}: is no name of a namespace")
        for kind in self.prices:
            if not _LABEL_VALUE.fullmatch(kind):
                raise ValueError(f"prices.{kind}: is no instance type, as nodes' labels have it")
        for team in self.alertmanager.teams:
            if team not in self.teams.values():
                told = nearest(team, set(self.teams.values()))
                raise ValueError(f"alertmanager.teams.{team}: has no namespace in [teams]{told}")

    @property
    def routing(self) -> RouteSettings:
        """How alerts are routed; unless told where the bridge is, in railwatch's namespace."""
        told = self.alertmanager
        if told.bridge_url != RouteSettings().bridge_url:
            return told
        here = BRIDGE_URL.format(namespace=self.kubernetes.namespace)
        return dataclasses.replace(told, bridge_url=here)

    @property
    def recording(self) -> RecordingSettings:
        """What the recording rules are told; ValueError names the key that is wrong."""
        return RecordingSettings(
            cluster_label=self.dashboards.cluster_label,
            objectives=self.slo,
            prices=self.prices,
            teams=self.teams,
        )

    def tuned(self) -> tuple[Alert, ...]:
        """Return the alerts that are on, as the user wants them; SettingsError names the key."""
        return tuple(
            self._tuned(alert)
            for family, alerts in by_family().items()
            if family != NEIGHBOURS or self.neighbours
            for alert in alerts
            if not self.alerts.get(alert.name, AlertSettings()).off
        )

    def _tuned(self, alert: Alert) -> Alert:
        where = f"alerts.{alert.name}"
        try:
            made = tune(alert, self.alerts.get(alert.name, AlertSettings()), self.bridge.soak_scale)
        except TuningError as error:
            raise SettingsError(f"{where}.{error}") from None
        shortest = shortest_soak(self.prometheus.intervals)
        if made.proof and made.proof.soak < shortest:
            raise SettingsError(
                f"{where}.soak: {made.proof.soak.total_seconds():g} s is too short to prove "
                f"anything: at these intervals it takes {shortest.total_seconds():g} s"
            )
        return made


def load(path: Path | None) -> Settings:
    """Return the settings of a file, or the defaults.

    SettingsError names file, line, key and remedy.
    """
    if path is None:
        return Settings()
    text = ""
    try:
        text = path.read_text(encoding="utf-8")
        settings = Reader(Settings).read(tomllib.loads(text), "")
        _check_alerts(settings.alerts)
        settings.tuned()
        _ = settings.recording
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from None
    except (SettingsError, ValueError) as error:
        raise SettingsError(f"{path}{_line(text, str(error))}: {error}") from None
    return settings


def _line(text: str, complaint: str) -> str:
    """Return the line that a complaint is about, as it stands after a file's name."""
    told = re.search(r"\(at line (\d+), ", complaint)  # tomllib's own
    line = int(told[1]) if told else line_of(text, complaint.partition(":")[0])
    return f":{line}" if line else ""


def _check_alerts(changes: Mapping[str, AlertSettings]) -> None:
    """Refuse names, severities and thresholds that no alert has."""
    alerts = {alert.name: alert for alert in all_alerts()}
    for name, change in changes.items():
        if name not in alerts:
            raise SettingsError(f"alerts.{name}: no such alert{nearest(name, alerts)}")
        if change.severity not in (None, *SEVERITIES):
            raise SettingsError(f"alerts.{name}.severity: none of {', '.join(SEVERITIES)}")
        known = {threshold.name: threshold for threshold in alerts[name].thresholds}
        for key, value in change.thresholds.items():
            where = f"alerts.{name}.thresholds.{key}"
            if key not in known:
                raise SettingsError(f"{where}: no such threshold{nearest(key, known)}")
            if isinstance(value, timedelta) != isinstance(known[key].default, timedelta):
                wanted = "a duration" if isinstance(known[key].default, timedelta) else "a number"
                raise SettingsError(f"{where}: must be {wanted}")
            _check_figure(alerts[name], value, where)


def _check_figure(alert: Alert, value: float | timedelta, where: str) -> None:
    """Refuse a figure with which the alert could not be asked, or would fence what is healthy."""
    if value == timedelta(0):
        raise SettingsError(f"{where}: must be more than 0s")
    if isinstance(value, timedelta):
        return
    if value < 0 or (alert.fault and value == 0):
        raise SettingsError(
            f"{where}: must {'be more than 0' if alert.fault else 'not be negative'}"
        )
