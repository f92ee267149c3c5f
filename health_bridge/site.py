"""What the status page is made from, and where it is served."""

import time
from dataclasses import dataclass

from catalog import __version__
from health_bridge import page
from health_bridge.evidence import Evidence
from health_bridge.loop import Loop
from health_bridge.metrics import Meter
from health_bridge.status import Facts, Status, status
from program.election import Elector
from program.web import Request, Response, Routes

WRITES, SHADOW, DRY_RUN = "writes", "shadow", "dry run"
"""What becomes of steps."""

MAX_FILTER = 253
"""Characters of a node's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The pages of one replica."""

    loop: Loop
    meter: Meter
    evidence: Evidence
    elector: Elector | None
    cluster: str = ""
    interval: float = 15.0
    mode: str = WRITES
    kinds: tuple[tuple[str, str], ...] = ()
    """Each source and what it is."""

    def routes(self) -> Routes:
        """Return what is served where."""
        return {
            ("GET", "/"): lambda request: page.html(self._status(request)),
            ("GET", "/status.json"): self._json,
        }

    def _json(self, request: Request) -> Response:
        return page.json(self._status(request))

    def _status(self, request: Request) -> Status:
        wanted = request.query.get("node", [""])[0].strip()[:MAX_FILTER]
        return status(self._facts(), self.evidence.cycle, wanted)

    def _facts(self) -> Facts:
        state = self.loop.state
        return Facts(
            now=time.time(),
            version=__version__,
            cluster=self.cluster,
            leads=self._leads(),
            mode=self.mode,
            paused=state.paused or "",
            error=state.error or "",
            log_error=self.evidence.log_error,
            interval=self.interval,
            kinds=dict(self.kinds),
            answered=dict(self.evidence.answered),
            hops=self.meter.hops(),
            survey=self.meter.survey,
            imagined=self.meter.imagined,
        )

    def _leads(self) -> str:
        """Return who leads in this replica's place, "" where it leads itself."""
        if self.elector is None or self.elector.leading:
            return ""
        return self.elector.holder or "nobody"
