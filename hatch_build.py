"""Writes into a wheel the commit that it was built from."""

import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


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
