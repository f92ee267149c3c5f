"""YAML and JSON as people like to read them in a diff, the same bytes each time."""

import json
from typing import Any

import yaml

HEADER = "# Rendered by railwatch-render; change render.toml, not this file.\n"

_WIDE = 1_000_000
"""No line is ever folded: PromQL and URLs stay whole."""

_LONG = 500
"""A text this long that occurs again in the file is written once and referred to."""


class _Dumper(yaml.CSafeDumper):
    """Writes multi-line texts as literal blocks; libyaml's emitter, for it is ten times as fast."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write everything out, save long texts that repeat."""
        return not (isinstance(data, str) and len(data) > _LONG)


def _text(dumper: yaml.CSafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def as_yaml(*documents: Any, note: str = "") -> str:
    """Return YAML documents in one text, with a note for its reader at the top."""
    return (
        HEADER
        + "".join(f"# {line}\n" for line in note.splitlines())
        + yaml.dump_all(
            documents,
            Dumper=_Dumper,
            sort_keys=False,
            allow_unicode=True,
            width=_WIDE,
            explicit_start=len(documents) > 1,
        )
    )


def as_json(document: Any) -> str:
    """Return JSON, indented."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
