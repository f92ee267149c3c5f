"""YAML as the files of a node's owner are read: no PCI address is taken for a number.

YAML 1.1 has numbers to the base of 60, with a point: 0000:47:00.0 is one, 0000:4e:00.0 is not. So
what looks like a number with a point stays the text that it is.
"""

from typing import Any

import yaml

_FLOAT = "tag:yaml.org,2002:float"


class _Loader(yaml.SafeLoader):
    """Knows no numbers but whole ones."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - declared so by its base
        first: [(tag, form) for tag, form in known if tag != _FLOAT]
        for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def load(text: str) -> Any:
    """Return what a text says; ValueError where it is no YAML, in one line."""
    try:
        return yaml.load(text, _Loader)  # noqa: S506 - a safe one
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(" ".join(str(error).split())) from None
