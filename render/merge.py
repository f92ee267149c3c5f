"""Merges our routes into an Alertmanager configuration that is already there.

The merge works on YAML nodes whose scalars are taken for nothing but text: what we do not touch is
written as it was read, so that `17:00` stays a time and is not taken for the number 1020, as YAML
1.1 has it. Only comments are lost.
"""

from typing import Any

import yaml

from alerts.routes import BRIDGE
from render.reading import SettingsError
from render.texts import HEADER, as_yaml

_WIDE = 1_000_000


def merged(base: str, additions: dict[str, Any]) -> str:
    """Return the base with our routes first and our receivers and inhibitions last.

    SettingsError where the base is no Alertmanager configuration, or has a receiver of our name.
    """
    root = _mapping(_compose(base), "the file")
    _refuse_secret(root)
    route = _mapping(_get(root, "route"), "route")
    _refuse_clashes(root, additions)
    ours = _mapping(_compose(as_yaml(additions)), "our routes")
    routes = _list(route, "routes").value
    routes[:] = _list(ours, "routes").value + routes + _list(ours, "last_routes").value
    for key in ("receivers", "inhibit_rules"):
        _list(root, key).value.extend(_list(ours, key).value)
    return HEADER + str(yaml.serialize(root, Dumper=yaml.BaseDumper, width=_WIDE))


def _compose(text: str) -> yaml.Node | None:
    try:
        node: yaml.Node | None = yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.YAMLError as error:
        told = " ".join(str(error).split())
        raise SettingsError(f"not YAML: {told}") from None
    return node


def _mapping(node: yaml.Node | None, what: str) -> yaml.MappingNode:
    if not isinstance(node, yaml.MappingNode):
        raise SettingsError(
            f"{_line(node)}{what} is no mapping: is it an Alertmanager configuration?"
        )
    return node


def _line(node: yaml.Node | None) -> str:
    """Return where a node stands, as an error begins."""
    return "" if node is None else f"line {node.start_mark.line + 1}: "


def _get(mapping: yaml.MappingNode, key: str) -> yaml.Node | None:
    return next((value for name, value in mapping.value if name.value == key), None)


def _list(mapping: yaml.MappingNode, key: str) -> yaml.SequenceNode:
    """Return the list under a key, made if there is none."""
    node = _get(mapping, key)
    empty = isinstance(node, yaml.ScalarNode) and node.value in {"", "~", "null"} and not node.style
    if node is None or empty:
        made = yaml.SequenceNode("tag:yaml.org,2002:seq", [])
        mapping.value[:] = [pair for pair in mapping.value if pair[0].value != key]
        mapping.value.append((yaml.ScalarNode("tag:yaml.org,2002:str", key), made))
        return made
    if not isinstance(node, yaml.SequenceNode):
        raise SettingsError(f"{_line(node)}{key} is no list")
    node.flow_style = False
    return node


def _refuse_secret(root: yaml.MappingNode) -> None:
    """Refuse the object that holds a configuration in a cluster, as kube-prometheus has it."""
    kind = _get(root, "kind")
    if isinstance(kind, yaml.ScalarNode):
        raise SettingsError(
            f"{_line(kind)}this is a Kubernetes {kind.value}: give the configuration itself, the "
            "text under alertmanager.yaml in it"
        )


def _refuse_clashes(root: yaml.MappingNode, additions: dict[str, Any]) -> None:
    ours = {receiver["name"] for receiver in additions["receivers"]}
    for receiver in _list(root, "receivers").value:
        name = _get(_mapping(receiver, "a receiver"), "name")
        if isinstance(name, yaml.ScalarNode) and name.value in ours:
            raise SettingsError(
                f"{_line(name)}receiver {name.value} is there already: rename it, or start from "
                f"the configuration as it was before {BRIDGE} was merged into it"
            )
