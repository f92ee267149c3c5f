"""What a user may change about all dashboards without editing one."""

from dataclasses import dataclass

from catalog.labels import CLUSTER, EXPORTER_JOB


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The defaults fit the rendered scrape configuration."""

    cluster_label: str = CLUSTER
    """Label that tells clusters apart; series without it belong to the one cluster there is."""
    job: str = EXPORTER_JOB
    """Value of the label `job` on the exporters' series."""
    refresh: str = "30s"
    """How often an open dashboard asks again."""
    tags: tuple[str, ...] = ("railwatch",)


DEFAULTS = Settings()
