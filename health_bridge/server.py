"""What the bridge answers over HTTP: /metrics, /healthz, /readyz, and Alertmanager's webhook.

The webhook carries no truth: whatever it says, the bridge goes and looks. So what is in it does not
matter, and a lost one costs at most an interval. Who may hint can be narrowed by a bearer token.
"""

import hmac
import json
import logging
from dataclasses import dataclass

from health_bridge.loop import Loop
from health_bridge.metrics import Meter
from health_bridge.site import Site
from program.access import Secret
from program.election import Elector
from program.web import Request, Response, Routes, text

WEBHOOK = "/api/v1/webhook"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """The handlers, and what they ask."""

    loop: Loop
    meter: Meter
    elector: Elector | None
    """None where leader election is off."""
    token: Secret | None = None
    """What a webhook must bring, None where it need not bring anything."""
    site: Site | None = None
    """The status page, None where there is none."""

    def routes(self) -> Routes:
        """Return what is served where."""
        return {
            ("GET", "/metrics"): self.metrics,
            ("GET", "/healthz"): self.health,
            ("GET", "/readyz"): self.ready,
            ("POST", WEBHOOK): self.webhook,
            **(self.site.routes() if self.site else {}),
        }

    def metrics(self, request: Request) -> Response:
        """Answer a scrape."""
        self.meter.leading = self.elector is None or self.elector.leading
        body, content_type = self.meter.exposition(request.headers.get("accept", ""))
        return Response(body=body, content_type=content_type)

    def health(self, _request: Request) -> Response:
        """Say whether the loop runs."""
        if self.loop.alive:
            return text("ok\n")
        return text("the loop has given no sign of life for too long\n", 503)

    def ready(self, _request: Request) -> Response:
        """Say whether the bridge can do its work now, and if not, why."""
        if self.elector is not None and not self.elector.leading:
            return self._standby(self.elector)
        troubles = list(self._troubles())
        told = [*self._paused(), *self._sources()]
        if troubles:
            return text("".join(f"{line}\n" for line in ["not ready", *troubles, *told]), 503)
        return text("".join(f"{line}\n" for line in ["ready", *told]))

    def _standby(self, elector: Elector) -> Response:
        if elector.error is not None:
            return text(f"not ready\nlease: {elector.error}\n", 503)
        return text(f"ready\nstandby: {elector.holder or 'nobody'} leads\n")

    def _troubles(self) -> list[str]:
        state = self.loop.state
        troubles = [] if state.error is None else [f"kube-apiserver: {state.error}"]
        if state.seen is None:
            return troubles or ["no cycle is complete yet"]
        if not state.seen.sight.witnesses:
            troubles.append("no Prometheus answers: nothing can be confirmed or proven")
        return troubles

    def _paused(self) -> list[str]:
        paused = self.loop.state.paused
        return [] if paused is None else [f"paused, no new taint: {paused}"]

    def _sources(self) -> list[str]:
        seen = self.loop.state.seen
        return [f"down: {error}" for error in seen.errors.values()] if seen else []

    def webhook(self, request: Request) -> Response:
        """Take a hint: 202 when the loop will look, 503 where it cannot.

        Alertmanager tries again after a 5xx and never after a 4xx, so a well-formed sender that
        brings its token never gets one of those.
        """
        result, response = self._refused(request) or self._take(request)
        self.meter.webhooks.labels(result).inc()
        return response

    def _refused(self, request: Request) -> tuple[str, Response] | None:
        """Return why the sender may not hint, None where it may."""
        if self.token is None:
            return None
        kind, _, brought = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer":
            challenge = (("WWW-Authenticate", 'Bearer realm="railwatch"'),)
            refusal = Response(status=401, body=b"a bearer token is needed\n", headers=challenge)
            return "unauthorized", refusal
        try:
            wanted = self.token.read()
        except ValueError as error:
            log.error("webhook token not readable", extra={"error": str(error)})  # noqa: TRY400 - the message says it all
            return "unavailable", text("the token cannot be checked now\n", 503)
        if not hmac.compare_digest(brought.strip().encode(), wanted.encode()):
            return "forbidden", text("this is not the token\n", 403)
        return None

    def _take(self, request: Request) -> tuple[str, Response]:
        if request.too_large:
            return "too_large", text("the body is too large\n", 413)
        try:
            payload = json.loads(request.body)
        except (ValueError, RecursionError):
            payload = None
        if not isinstance(payload, dict):
            return "invalid", text("the body is not a JSON object\n", 400)
        if not self.loop.alive:
            return "unavailable", text("the loop does not run\n", 503)
        self.loop.hint()
        return "queued", text("queued\n", 202)
