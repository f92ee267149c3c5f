"""The loop's hand on the device rules: looks and writes, and counts and tells how that went."""

import logging

from health_bridge.cluster.device_rules import DeviceRules
from health_bridge.cluster.errors import KubeError
from health_bridge.decision.fencing import Fences, Rule
from health_bridge.metrics import Meter

log = logging.getLogger(__name__)


class Fencer:
    """Sees to it that nothing about devices goes unnoticed."""

    def __init__(self, rules: DeviceRules, meter: Meter) -> None:
        """Prepare."""
        self._rules = rules
        self._meter = meter

    def look(self, nodes: frozenset[str]) -> Fences:
        """Return what fences these nodes' devices, or can; KubeError where nobody can tell now."""
        try:
            fences = self._rules.look(nodes)
        except KubeError as error:
            self._meter.api_errors.labels(error.kind).inc()
            raise
        self._tell_error()
        return fences

    def write(self, wanted: frozenset[Rule], fences: Fences) -> Fences:
        """Make the rules these; return the fences as they stand then."""
        fenced = self._rules.write(wanted, fences)
        self._meter.steps.labels("set_rule").inc(len(fenced.rules - fences.rules))
        gone = {rule.name for rule in fences.rules} - {rule.name for rule in fenced.rules}
        self._meter.steps.labels("remove_rule").inc(len(gone))
        self._tell_error()
        return fenced

    def _tell_error(self) -> None:
        error = self._rules.error
        if error is not None:
            self._meter.api_errors.labels(error.kind).inc()
            log.warning("devices not fenced", extra={"error": error})
