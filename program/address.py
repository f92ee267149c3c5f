"""Where a program listens, as its flag says it."""

import re


def split_address(address: str) -> tuple[str, int]:
    """Return host and port of `:9410`, `127.0.0.1:9410` or `[::1]:9410`; ValueError if neither."""
    host, colon, port = address.rpartition(":")
    if not colon or not re.fullmatch("[0-9]{1,5}", port) or int(port) > 65535:  # noqa: PLR2004 - TCP
        raise ValueError(f"{address!r} is not an address such as :9410 or 127.0.0.1:9410")
    return host.strip("[]"), int(port)
