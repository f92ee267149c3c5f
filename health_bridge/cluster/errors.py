"""What can go wrong between the bridge and the kube-apiserver.

KubeError          a request was not done; `kind` is its name in the metrics
├── Conflict       409: written by another since it was read; read again
├── Missing        404: the node, or the Lease's namespace, is not there
├── Denied         401, 403: RBAC or an admission policy forbids it; a person must act
├── Gone           410: the version to watch from is too old; list again
├── Refused        any other 4xx: the request itself is wrong
├── Unreachable    no answer in time, 429, 5xx: later
└── Superseded     not sent: what the decision stood on has changed, or we do not lead any more
"""


class KubeError(Exception):
    """The kube-apiserver did not do what it was asked; the message says what and why."""

    kind = "refused"


class Conflict(KubeError):  # noqa: N818 - named after what happened
    """Another has written the object since it was read."""

    kind = "conflict"


class Missing(KubeError):  # noqa: N818 - named after what happened
    """The object is not there."""

    kind = "missing"


class Denied(KubeError):  # noqa: N818 - named after what happened
    """We are not allowed to."""

    kind = "denied"


class Gone(KubeError):  # noqa: N818 - named after what happened
    """The resource version to watch from is no longer known."""


class Refused(KubeError):  # noqa: N818 - named after what happened
    """The request is not valid."""

    kind = "refused"


class Unreachable(KubeError):  # noqa: N818 - named after what happened
    """The kube-apiserver does not answer, or cannot."""

    kind = "unreachable"


class Superseded(KubeError):  # noqa: N818 - named after what happened
    """The decision does not hold any more; the next cycle decides anew."""

    kind = "superseded"
