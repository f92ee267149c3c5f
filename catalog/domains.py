"""What domains of the network are called where a label must hold it, and wherever they are told of.

Switches may be called anything, and an alert names one as it calls itself. Whoever compares that
with a node's labels and annotations makes the same of it as who wrote them.
"""

import hashlib
import re

_LONGEST = 63
_MARK = 8
_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")


def label_value(name: str) -> str:
    """Return a name as a label's value; what had to be changed ends with a mark of the whole."""
    told = fit(name)
    return told if told == name and 0 < len(told) <= _LONGEST else marked(told, name)


def fit(name: str) -> str:
    """Return a name with what a label cannot hold replaced; it may be empty, or too long."""
    return _UNFIT.sub("-", name).strip("-._")


def marked(begins: str, of: str) -> str:
    """Return a label's value that ends with a mark of something, so that it is unlike others."""
    mark = hashlib.sha256(of.encode("utf-8", "replace")).hexdigest()[:_MARK]
    return "-".join(filter(None, (begins[: _LONGEST - _MARK - 1].rstrip("-._"), mark)))
