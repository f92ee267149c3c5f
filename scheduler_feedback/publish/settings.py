"""The settings of the topology publisher."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from program.flags import at_least, flag
from scheduler_feedback.connection import Connection

_MOST = 1000.0


def _url(text: str) -> str:
    try:
        parts = urlsplit(text.replace("{address}", "a").replace("{node}", "n"))
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        raise ValueError(f"{text!r} is not a URL: {error}") from None
    if not good or parts.fragment or any(c.isspace() for c in text):
        raise ValueError(f"{text!r} is not a URL such as http://{{address}}:9410/topology")
    return text.rstrip("/")


def _exporter_url(text: str) -> str:
    if "{address}" not in text and "{node}" not in text:
        raise ValueError(f"{text!r} names no node: it has neither {{address}} nor {{node}}")
    return _url(text)


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a number") from None
    if not 0 < rate <= _MOST:
        raise ValueError(f"{text} is not between 0 and {_MOST:g} a second")
    return rate


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishSettings(Connection):
    """Where the topology is read, and how it is published."""

    publish_topology: bool = flag(
        "publish-topology",
        default=False,
        help="publish where nodes are in the network: labels and annotations on them, and the "
        "objects of Kueue and Volcano",
    )
    topology_exporter_url: str = flag(
        "topology.exporter-url",
        default="http://{address}:9410/topology",
        metavar="URL",
        parse=_exporter_url,
        help="where a node's exporter serves its topology; {address} is the node's internal IP, "
        "{node} its name",
    )
    topology_fabric_urls: tuple[str, ...] = flag(
        "topology.fabric-url",
        default=(),
        metavar="URL",
        parse=_url,
        help="where a fabric collector serves its document, such as http://fabric:9410/fabric; "
        "may be given several times",
    )
    topology_access_file: str = flag(
        "topology.http.config.file",
        default="",
        metavar="FILE",
        help="URL (as its flag has it) to TLS, basic or bearer settings, in the words of "
        "Prometheus' http_config",
    )
    topology_interval: float = flag(
        "topology.interval",
        default=120.0,
        metavar="DURATION",
        parse=at_least(0.1),
        help="pause between two rounds of reading and publishing",
    )
    topology_grace: float = flag(
        "topology.grace",
        default=1800.0,
        metavar="DURATION",
        parse=at_least(1),
        help="so long a node keeps its last labels though nothing can be read of it",
    )
    topology_timeout: float = flag(
        "topology.timeout",
        default=3.0,
        metavar="DURATION",
        parse=at_least(0.1),
        help="how long an exporter is waited for",
    )
    topology_read_rate: float = flag(
        "topology.read-rate",
        default=100.0,
        metavar="DOCUMENTS",
        parse=_rate,
        help="most documents read a second",
    )
    topology_write_rate: float = flag(
        "topology.write-rate",
        default=20.0,
        metavar="WRITES",
        parse=_rate,
        help="most objects written a second",
    )
