"""Which railwatch this is: its version, and the commit that it was built from."""

from importlib import resources

from catalog import __version__


def version() -> str:
    """Return the version with the commit, "unknown" where nothing recorded one: a checkout."""
    try:
        commit = resources.files("catalog").joinpath("commit.txt").read_text(encoding="utf-8")
    except OSError:
        commit = "unknown"
    return f"{__version__} (commit {commit.strip()})"
