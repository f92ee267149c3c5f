"""System packages that a test needs, of those in tools/apt.txt.

pytestmark = needs("ibsim-utils", "opensm")
"""

import os

import pytest

from testbed.packages import COMMANDS, missing, remedy

MARK = "packages"


def needs(*packages: str) -> pytest.MarkDecorator:
    """Mark what needs these packages: without them it fails where CI=true, else it is skipped."""
    if unknown := set(packages) - set(COMMANDS):
        raise ValueError(f"not in tools/apt.txt: {', '.join(sorted(unknown))}")
    return pytest.mark.packages(*packages)


def demand(item: pytest.Item) -> None:
    """Fail or skip a test whose packages are not all there; call it before any fixture."""
    wanted = [package for mark in item.iter_markers(MARK) for package in mark.args]
    lacking = missing(dict.fromkeys(wanted))
    if not lacking:
        return
    reason = f"{' '.join(lacking)} missing: {remedy(lacking)}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
