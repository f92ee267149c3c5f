"""The vocabulary: every name that two parts of railwatch must agree on stands here, once.

Nothing here reads hardware, speaks to a server or imports another part: the parts meet on
the wire, and this package is what is written on it.
"""

__version__ = "0.1.0"
