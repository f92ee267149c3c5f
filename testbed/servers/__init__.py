"""The real servers as context managers: private directories, free ports, real readiness."""

from testbed.servers.alertmanager import Alertmanager
from testbed.servers.apiserver import ApiServer
from testbed.servers.cluster import Cluster
from testbed.servers.controllers import ControllerManager, Scheduler
from testbed.servers.etcd import Etcd
from testbed.servers.kwok import Kwok
from testbed.servers.prometheus import Prometheus
from testbed.servers.server import Server

__all__ = [
    "Alertmanager",
    "ApiServer",
    "Cluster",
    "ControllerManager",
    "Etcd",
    "Kwok",
    "Prometheus",
    "Scheduler",
    "Server",
]
