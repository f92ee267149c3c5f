"""How many cases a property test tries: few in `make test`, many in `make soak`."""

import os

FACTOR = int(os.environ.get("FUZZ_FACTOR", "1"))


def examples(count: int) -> int:
    """Return the number of cases for a test that tries `count` of them in `make test`."""
    return count * FACTOR
