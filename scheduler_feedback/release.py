"""`release --all`: takes away what this program has left in the cluster.

On nodes and pods it writes nothing, and its Events expire by themselves: what is left is the Lease.
"""

import sys
from dataclasses import dataclass
from typing import Protocol

from program.errors import ProgramError, UsageError
from program.flags import add_flags, build, flag, parser
from scheduler_feedback.errors import KubeError, NotFound
from scheduler_feedback.settings import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Connection):
    """What `release` is told."""

    all: bool = flag("all", default=False, help="take away everything that is ours")


class Leases(Protocol):
    """Where Leases are kept."""

    def delete_lease(self, namespace: str, name: str) -> None:
        """Delete a Lease; NotFound where there is none."""


def read(argv: list[str]) -> Settings:
    """Return what the command line says; UsageError where it does not say `--all`."""
    made = parser("railwatch-scheduler release", "Remove what railwatch-scheduler left behind.")
    add_flags(made, Settings)
    settings = build(Settings, made.parse_args(argv))
    if not settings.all:
        raise UsageError("release takes everything away or nothing: say --all")
    return settings


def release(leases: Leases, settings: Settings) -> None:
    """Remove the Lease; a program that still drains creates it again, so end it first."""
    where = f"Lease {settings.lease_namespace}/{settings.lease_name}"
    try:
        leases.delete_lease(settings.lease_namespace, settings.lease_name)
    except NotFound:
        sys.stdout.write(f"{where}: not there\n")
    except KubeError as error:
        raise ProgramError(f"{where}: {error.reason}: {error}") from None
    else:
        sys.stdout.write(f"{where}: removed\n")
