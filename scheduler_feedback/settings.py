"""Every setting of railwatch-scheduler, with its default and its flag."""

import re
from dataclasses import dataclass

from catalog.wire import PREFIX
from program.flags import at_least, flag, key_prefix
from scheduler_feedback.placement.alignment import RDMA
from scheduler_feedback.pools import Pools, read_pools
from scheduler_feedback.publish.settings import PublishSettings
from scheduler_feedback.share.names import PRESETS, Names, Resource

DEFAULT_ADDRESS = ":9412"
POLICIES = ("binpack", "spread", "fragmentation", "none")
"""How a node is chosen among those that are equally healthy."""


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a number") from None
    if not 0 < rate <= 100:  # noqa: PLR2004 - what a kube-apiserver bears
        raise ValueError(f"{text} is not between 0 and 100 evictions a second")
    return rate


def site_tier(text: str) -> int:
    """Return the number of a tier, or -1 for none; as many tiers as labels are read for."""
    if not re.fullmatch("[0-7]|-1", text):
        raise ValueError(f"{text!r} is not a tier from 0 to 7, or -1")
    return int(text)


def read_weight(text: str) -> float:
    """Return a number from 0 to 1."""
    try:
        weight = float(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a number") from None
    if not 0 <= weight <= 1:
        raise ValueError(f"{text} is not between 0 and 1")
    return weight


def read_resource(text: str) -> Resource:
    """Return the resource that `NAME` or `NAME=UNIT` names."""
    name, equals, unit = text.partition("=")
    if not name or (equals and not (unit.isascii() and unit.isdigit() and int(unit[:9]) > 0)):
        raise ValueError(f"{text!r} is not NAME or NAME=UNIT with a unit above zero")
    return Resource(name=name, unit=int(unit[:9]) if equals else 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacementSettings(PublishSettings):
    """How nodes are chosen beyond their health, and what shares of GPUs are called."""

    placement: bool = flag(
        "placement",
        default=True,
        help="among nodes of sound hardware prefer the pool, the gang's neighbours and the "
        "policy's best; needs to read pods and namespaces",
    )
    placement_policy: str = flag(
        "placement.policy",
        default=POLICIES[2],
        choices=POLICIES,
        help="what is preferred where neither pod nor namespace says it",
    )
    placement_alignment: float = flag(
        "placement.alignment",
        default=1.0,
        metavar="WEIGHT",
        parse=read_weight,
        help="how much it counts that GPUs and RDMA devices are near each other, for pods that ask "
        "for both, 0 to 1: 1 leaves only the best nodes in the choice, 0 all of them",
    )
    placement_rdma: tuple[str, ...] = flag(
        "placement.rdma-resource",
        default=RDMA,
        metavar="PREFIX",
        help="what the names of RDMA devices' resources begin with",
    )
    pools: Pools = flag(  # noqa: RUF009 - declares a field, as all here
        "pools",
        default=Pools(),
        metavar="LABEL=FIRST,SECOND",
        parse=read_pools,
        help="a node label, and its values in the order in which nodes are used",
    )
    share: bool = flag(
        "share", default=False, help="bind pods that ask for shares of GPUs, and choose their GPUs"
    )
    share_preset: str = flag(
        "share.preset",
        default=PRESETS[0],
        choices=PRESETS,
        help="whose device plugin hands shares of GPUs out: says what resources are called where "
        "the flags below do not, and what else is written on pods that are bound",
    )
    share_milli: Resource = flag(  # noqa: RUF009 - declares a field, as all here
        "share.milli-resource",
        default=Resource(name=""),
        metavar="NAME[=MILLI]",
        parse=read_resource,
        help="resource that shares of a GPU are asked by, and how many thousandths one of it is; "
        "empty: the preset's",
    )
    share_memory: Resource = flag(  # noqa: RUF009 - declares a field, as all here
        "share.memory-resource",
        default=Resource(name=""),
        metavar="NAME[=MIB]",
        parse=read_resource,
        help="resource that GPU memory is asked by, and how many MiB one of it is; "
        "empty: the preset's",
    )
    share_count: str = flag(
        "share.count-resource",
        default="",
        metavar="NAME",
        help="resource of a node that says how many GPUs it shares; "
        "empty: the preset's, or as many as make up its thousandths",
    )
    share_annotation: str = flag(
        "share.annotation",
        default=Names().annotation,
        metavar="KEY",
        help="annotation that pods are bound with, which says what GPUs they have",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSettings(PlacementSettings):
    """Who may use how much."""

    queues_file: str = flag(
        "queues.file",
        default="",
        metavar="FILE",
        help="declaration of queues: what the gangs of which namespaces are guaranteed, and may "
        "borrow, of each accelerator; read again as it changes",
    )
    queues_reclaim: bool = flag(
        "queues.reclaim",
        default=False,
        help="have gangs leave whose queue has borrowed, for one that is within its guarantee and "
        "finds no room",
    )
    queues_interval: float = flag(
        "queues.interval",
        default=30.0,
        metavar="DURATION",
        parse=at_least(1),
        help="how often the queues of Kueue and Volcano, and upstream PodGroups, are read, where "
        "the cluster has them",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(QueueSettings):
    """What the daemon's own flags say."""

    key_prefix: str = flag(
        "key-prefix",
        default=PREFIX,
        metavar="PREFIX",
        parse=key_prefix,
        help="prefix of the taints and annotations that the bridge writes",
    )
    stale_after: float = flag(
        "cache.stale-after",
        default=60.0,
        metavar="DURATION",
        parse=at_least(2),
        help="without word from the kube-apiserver for so long, the filter passes every node",
    )
    drain: bool = flag(
        "drain", default=False, help="evict the pods of nodes that the bridge has tainted drain"
    )
    drain_interval: float = flag(
        "drain.interval",
        default=5.0,
        metavar="DURATION",
        parse=at_least(0.1),
        help="how often the drainer looks again at a node it is draining",
    )
    drain_rate: float = flag(
        "drain.rate",
        default=2.0,
        metavar="EVICTIONS",
        parse=_rate,
        help="most evictions a second, over the whole cluster",
    )
    drain_bare_pods: bool = flag(
        "drain.bare-pods",
        default=False,
        help="evict also pods without a controller, which nothing will create again",
    )
    drain_suspected: bool = flag(
        "drain.suspected",
        default=False,
        help="where nobody says who uses a fenced device, evict every pod of its node that may",
    )
    drain_longest_checkpoint: float = flag(
        "drain.longest-checkpoint",
        default=1800.0,
        metavar="DURATION",
        parse=at_least(0),
        help="a pod that wants to be given longer than this to save its state is given this",
    )
    lease_duration: float = flag(
        "lease.duration",
        default=15.0,
        metavar="DURATION",
        parse=at_least(1),
        help="how long the Lease outlives its holder's last word",
    )
    gangs: bool = flag(
        "gangs",
        default=True,
        help="place the pods that wait at the gate railwatch.io/gang, a gang at a time",
    )
    gang_interval: float = flag(
        "gangs.interval",
        default=2.0,
        metavar="DURATION",
        parse=at_least(0.1),
        help="how often waiting gangs are looked at though nothing has changed",
    )
    gang_patience: float = flag(
        "gangs.patience",
        default=600.0,
        metavar="DURATION",
        parse=at_least(1),
        help="after waiting so long, a gang that does not fit has room kept for it",
    )
    gang_bind_within: float = flag(
        "gangs.bind-within",
        default=120.0,
        metavar="DURATION",
        parse=at_least(1),
        help="a gang that was let go and is not bound by then is rolled back",
    )
    gang_site_tier: int = flag(
        "gangs.site-tier",
        default=-1,
        metavar="N",
        parse=site_tier,
        help="the tier whose domains are sites, which no gang straddles unless it says it may; "
        "-1: there are none",
    )
