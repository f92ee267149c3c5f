"""railwatch-exporter."""

import sys

from exporters import daemon
from program.errors import run


def main() -> int:
    """Run the exporter until it is told to end."""
    return run(daemon.NAME, daemon.main)


if __name__ == "__main__":
    sys.exit(main())
