"""Writes into a wheel the commit that it was built from, and a README for package indexes."""

import os
import posixpath
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

_LINK = re.compile(r"(?P<image>!?)\[(?P<text>[^\]]*)\]\((?P<path>[^)#\s]+)(?P<anchor>#[^)]*)?\)")


class CommitHook(BuildHookInterface[Any]):
    """Adds catalog/commit.txt: RAILWATCH_COMMIT where that is set, else what git says.

    A source archive has no git to ask, and an editable installation has no one commit: neither
    gets the file, and the programs say that they do not know.
    """

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the file aside, and have it put into the wheel."""
        commit = os.environ.get("RAILWATCH_COMMIT") or _head(self.root)
        if version == "editable" or not commit:
            return
        self._folder = tempfile.TemporaryDirectory()
        written = Path(self._folder.name, "commit.txt")
        written.write_text(f"{commit}\n", encoding="utf-8")
        build_data["force_include"][str(written)] = "catalog/commit.txt"


def _head(root: str) -> str:
    if not Path(root, ".git").exists():
        return ""  # unpacked inside someone else's repository, git would name that one's commit
    asked = ["git", "-C", root, "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        return subprocess.run(asked, capture_output=True, check=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


class ReadmeHook(MetadataHookInterface):
    """Gives the README as the description, with links that lead somewhere without a checkout."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set the description."""
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        site = metadata["urls"]["Documentation"]
        metadata["readme"] = {"content-type": "text/markdown", "text": abroad(text, site)}


def abroad(markdown: str, site: str) -> str:
    """Return the README with links to pages of docs/ led to the site, and others' text alone."""

    def turned(link: re.Match[str]) -> str:
        path, anchor = link["path"], link["anchor"] or ""
        if "://" in path:
            return link[0]
        page, kind = posixpath.splitext(path)
        if not page.startswith("docs/") or not kind:
            return link["text"]
        target = f"{site}/{page.removeprefix('docs/')}{'.html' if kind == '.md' else kind}"
        return f"{link['image']}[{link['text']}]({target}{anchor})"

    return _LINK.sub(turned, markdown)
