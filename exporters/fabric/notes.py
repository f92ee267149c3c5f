"""What a worker of the fabric family tells the program beside its samples."""

DOCUMENT = "document"
"""The fabric as the program keeps and serves it, in JSON."""

FAILURE = "failure"
"""A run of a tool that brought nothing, as `tool reason`."""

MADS = "mads"
"""Management packets sent since the last such note."""
