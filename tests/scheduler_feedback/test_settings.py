"""What is promised on the command line."""

import dataclasses

import pytest

from program.errors import UsageError
from program.flags import add_flags, build, parser
from scheduler_feedback import release
from scheduler_feedback.settings import Settings


def read(*argv: str) -> Settings:
    made = parser("railwatch-scheduler", "")
    add_flags(made, Settings)
    return build(Settings, made.parse_args(argv))


def test_the_defaults_are_as_promised() -> None:
    assert dataclasses.asdict(read()) == {
        "kubeconfig": "",
        "lease_namespace": "railwatch",
        "lease_name": "railwatch-scheduler",
        "publish_topology": False,
        "topology_exporter_url": "http://{address}:9410/topology",
        "topology_fabric_urls": (),
        "topology_access_file": "",
        "topology_interval": 120.0,
        "topology_grace": 1800.0,
        "topology_timeout": 3.0,
        "topology_read_rate": 100.0,
        "topology_write_rate": 20.0,
        "placement": True,
        "placement_alignment": 1.0,
        "placement_rdma": ("rdma/",),
        "placement_policy": "fragmentation",
        "pools": {"label": "", "order": ()},
        "share": False,
        "share_preset": "railwatch",
        "share_milli": {"name": "", "unit": 1},
        "share_memory": {"name": "", "unit": 1},
        "share_count": "",
        "share_annotation": "railwatch.io/gpu-assignment",
        "queues_file": "",
        "queues_reclaim": False,
        "queues_interval": 30.0,
        "key_prefix": "railwatch.io",
        "stale_after": 60.0,
        "drain": False,
        "drain_interval": 5.0,
        "drain_rate": 2.0,
        "drain_bare_pods": False,
        "drain_suspected": False,
        "drain_longest_checkpoint": 1800.0,
        "lease_duration": 15.0,
        "gangs": True,
        "gang_interval": 2.0,
        "gang_patience": 600.0,
        "gang_bind_within": 120.0,
        "gang_site_tier": -1,
    }


@pytest.mark.parametrize(
    "argument",
    [
        "--drain.rate=0",
        "--drain.rate=-1",
        "--drain.rate=nan",
        "--drain.rate=many",
        "--drain.interval=1ms",
        "--lease.duration=0",
        "--cache.stale-after=1s",
        "--key-prefix=Bad/Prefix",
        "--pools=label",
        "--pools=label=a,a",
        "--pools==a",
        "--placement.policy=best",
        "--share.milli-resource=x=0",
        "--share.memory-resource==1",
        "--drains",
        "--placement.alignment=1.1",
        "--placement.alignment=nan",
        "--topology.exporter-url=http://one-for-all:9410/topology",
        "--topology.exporter-url=ftp://{address}/topology",
        "--topology.fabric-url=fabric:9410",
        "--topology.write-rate=0",
        "--topology.read-rate=nan",
    ],
)
def test_a_value_that_makes_no_sense_is_refused(argument: str) -> None:
    with pytest.raises(UsageError):
        read(argument)


def test_release_takes_all_or_nothing() -> None:
    assert release.read(["--all"]).all
    with pytest.raises(UsageError, match="--all"):
        release.read([])
