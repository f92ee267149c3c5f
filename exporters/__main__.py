"""railwatch-exporter."""

import sys

from exporters.zygote import Zygote
from program.errors import run


def main() -> int:
    """Run the exporter until it is told to end."""
    return run("railwatch-exporter", _main)


def _main() -> int:
    zygote = Zygote()
    # Only now: what is imported before the fork, every worker carries along.
    from exporters import daemon  # noqa: PLC0415 - the order is the point

    return daemon.main(zygote)


if __name__ == "__main__":
    sys.exit(main())
