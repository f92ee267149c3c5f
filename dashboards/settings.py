"""What a user may change about all dashboards without editing one."""

import re
from dataclasses import dataclass

from catalog.labels import CLUSTER, EXPORTER_JOB


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The defaults fit the rendered scrape configuration."""

    cluster_label: str = CLUSTER
    """Label that tells clusters apart; series without it belong to the one cluster there is."""
    job: str = EXPORTER_JOB
    """Value of the label `job` on the exporters' series, in rules and scrape jobs as well."""
    refresh: str = "30s"
    """How often an open dashboard asks again."""
    tags: tuple[str, ...] = ("railwatch",)
    """Tags of each dashboard; by the same the menu of a dashboard finds the others."""

    def __post_init__(self) -> None:
        """Refuse what makes expressions or links that do not work; ValueError names the key."""
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", self.cluster_label):
            raise ValueError(f"cluster_label: {self.cluster_label!r} is no name of a label")
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9._/-]*", self.job):
            raise ValueError(f"job: {self.job!r} is not a letter and letters, digits, . _ / -")
        if not re.fullmatch(r"([1-9]\d*[smhd])?", self.refresh):
            raise ValueError(f'refresh: {self.refresh!r} is not such as "30s", or "" for never')
        if not self.tags or "" in self.tags:
            raise ValueError('tags: must be a list such as ["railwatch"], without an empty one')


DEFAULTS = Settings()
