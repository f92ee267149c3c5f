"""What one worker knows of the fabric: what the tools said, each within the budget."""

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from catalog.fabric import SWITCH
from exporters.errors import Unreadable
from exporters.fabric import discovery, linkinfo, perfquery
from exporters.fabric.fabric import (
    IBLINKINFO,
    IBNETDISCOVER,
    PERFQUERY,
    Budget,
    Toolbox,
    ToolError,
)
from exporters.fabric.network import Network, Node

_NODE_MADS = 3
"""Node information and description, and a switch's or a port's own."""
_QUERY_MADS = 2
"""What a query of counters asks of the switch before its ports."""
_SCRATCH = ("/dev/shm", None)  # noqa: S108 - a private folder in it; containers can write there


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How the fabric is surveyed, from the settings."""

    interval: float
    mad_rate: float
    traffic: bool
    """Whether bytes and packets are read too."""
    tools: Toolbox


class Survey:
    """The tools, the budget they share, the network that the last discovery found."""

    def __init__(self, plan: Plan) -> None:
        """Begin with nothing known."""
        self.interval = plan.interval
        self.budget = Budget(plan.mad_rate)
        self.network: Network | None = None
        self.failures: list[ToolError] = []
        """Runs that brought nothing, since they were last taken away."""
        self._links: Mapping[tuple[int, int], linkinfo.Link] | ToolError = {}
        self._traffic = plan.traffic
        self._tools = plan.tools

    @property
    def share(self) -> float:
        """Seconds of an interval that counters may take, and that what is owed may last."""
        return self.interval / 2

    def discover(self) -> Network:
        """Return the network as a new discovery finds it.

        One scan serves two tools: iblinkinfo reads what ibnetdiscover kept of it. Where the MADs
        sent before are not paid for yet, the last network is returned again.
        """
        if self.network is not None and self.budget.wait > self.share:
            return self.network
        self.network = None
        with _scratch() as scratch, self._noted():
            keep, load = _cache(scratch)
            self.budget.pay()
            network = discovery.parse(self._tools.run(IBNETDISCOVER, *keep))
            self.budget.spend(_cost(network))
            try:
                self._links = linkinfo.parse(self._tools.run(IBLINKINFO, "-l", *load).output)
            except ToolError as error:
                self._links = error
            self.budget.spend(0 if load else _cost(network))
        self.network = network
        return network

    def states(self) -> Mapping[tuple[int, int], linkinfo.Link]:
        """Return what the last discovery told of each port, by port GUID and number."""
        if isinstance(self._links, ToolError):
            self.failures.append(self._links)
            raise self._links
        return self._links

    def count(self, switch: Node) -> tuple[perfquery.Readings, perfquery.Readings]:
        """Return the counters of a switch's linked ports: errors, and traffic where it is asked."""
        errors = self._query(switch)
        return errors, self._query(switch, "-x") if self._traffic else {}

    def _query(self, switch: Node, *options: str) -> perfquery.Readings:
        ports = ",".join(str(number) for number in sorted(switch.ports))
        self.budget.pay()
        self.budget.spend(_QUERY_MADS + len(switch.ports))
        with self._noted():
            said = self._tools.run(PERFQUERY, "-l", *options, str(switch.lid), ports)
            return perfquery.parse(said.output, switch.lid)

    @contextlib.contextmanager
    def _noted(self) -> Iterator[None]:
        try:
            yield
        except ToolError as error:
            self.failures.append(error)
            raise


def _cost(network: Network) -> int:
    """Return about how many MADs a discovery sends: some a node, one for each port of a switch."""
    ports = sum(node.size + 1 for node in network.kind(SWITCH))
    return _NODE_MADS * len(network.nodes) + ports


def _cache(scratch: Path | None) -> tuple[tuple[str | Path, ...], tuple[str | Path, ...]]:
    """Return the arguments that keep a scan, and those that load it."""
    if scratch is None:
        return (), ()
    return ("--cache", scratch / "scan"), ("--load-cache", scratch / "scan")


@contextlib.contextmanager
def _scratch() -> Iterator[Path | None]:
    """Make a folder for a scan; None where nothing can be written."""
    with contextlib.ExitStack() as stack:
        for place in _SCRATCH:
            with contextlib.suppress(OSError):
                made = stack.enter_context(tempfile.TemporaryDirectory("railwatch", dir=place))
                break
        else:
            made = None
        yield Path(made) if made else None


def owed(survey: Survey) -> Unreadable:
    """Return the error for a cap that leaves no time for counters."""
    return Unreadable(
        f"the discovery's management packets take {survey.budget.wait:.0f} s of the "
        f"{survey.interval:.0f} s interval: raise --fabric.mad-rate or --fabric.interval"
    )
