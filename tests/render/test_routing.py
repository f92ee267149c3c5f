"""Where the rendered routes lead, by what render.toml says of other things."""

import re
from pathlib import Path

import pytest

from render.settings import load
from render.tree import files

ROUTES = (
    "alertmanager/alertmanager.yaml",
    "alertmanager/routes.yaml",
    "kubernetes/alertmanagerconfig.yaml",
)


def bridges(folder: Path, text: str) -> set[str]:
    """Return where the bridge is told of alerts, by all files that say it."""
    path = folder / "render.toml"
    path.write_text(text, encoding="utf-8")
    made = files(load(path))
    return {
        url for name in ROUTES for url in re.findall(r"url: (\S+:9411\S*)", made[name].decode())
    }


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("", "http://railwatch-bridge.railwatch:9411/api/v1/webhook"),
        (
            '[kubernetes]\nnamespace = "gpu-watch"\n',
            "http://railwatch-bridge.gpu-watch:9411/api/v1/webhook",
        ),
        (
            'kubernetes.namespace = "gpu-watch"\nalertmanager.bridge_url = "https://b.example:9411/"',
            "https://b.example:9411/",
        ),
    ],
)
def test_the_bridge_is_told_where_it_is(tmp_path: Path, text: str, url: str) -> None:
    assert bridges(tmp_path, text) == {url}
