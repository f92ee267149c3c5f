"""railwatch-bridge: alerts become node conditions and taints, proof of recovery removes them."""

import argparse
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

from catalog.verdicts import Verdict
from health_bridge import forget, release, replay
from health_bridge.allowed import keys_of, policy_of
from health_bridge.cluster.device_rules import DeviceRules
from health_bridge.cluster.errors import Conflict, KubeError, Missing
from health_bridge.cluster.kube import Kube, connect
from health_bridge.cluster.store import WatchedFleet
from health_bridge.decision import proofs
from health_bridge.decision.budget import holds
from health_bridge.decision.limits import size
from health_bridge.evidence import Evidence
from health_bridge.journal import Journal
from health_bridge.loop import Loop
from health_bridge.metrics import Meter
from health_bridge.pace import Pace
from health_bridge.pause import pause_of
from health_bridge.poll import Poll
from health_bridge.server import WEBHOOK, Front
from health_bridge.settings import DEFAULT_ADDRESS, Settings
from health_bridge.site import DRY_RUN, SHADOW, WRITES, Site
from health_bridge.sources import Alertmanager, Endpoint, Prometheus
from health_bridge.tolerate import Survey, Tolerance
from program import access, announce, webconfig
from program.access import Secret, shown
from program.announce import Announcer
from program.election import Elector, Errors, identity
from program.errors import ProgramError, UsageError, run
from program.flags import add_flags, build, parser
from program.surface import Surface, add_surface, open_surface, serve, until_signalled

PROGRAM = "railwatch-bridge"

_STALE = 3
"""Time-outs without a word of the kube-apiserver after which what it said of nodes is too old."""

_EPILOG = f"""\
It looks every --interval, and at once when Alertmanager posts to {WEBHOOK}.

railwatch-bridge release [--all | NODE…] removes every condition, taint and annotation
that the bridge has written; see railwatch-bridge release --help.

railwatch-bridge forget-source SOURCE lets nodes recover without the word of a Prometheus
that is gone for good; see railwatch-bridge forget-source --help.

railwatch-bridge replay LOG decides again what --decision-log has written, as it was or
under another policy; see railwatch-bridge replay --help.
"""


def main() -> int:
    """Run the program; the exit code is returned."""
    return run(PROGRAM, lambda: _main(sys.argv[1:]))


def _main(arguments: list[str]) -> int:
    if arguments[:1] == ["release"]:
        return release.main(arguments[1:], sys.stdout)
    if arguments[:1] == ["replay"]:
        return replay.main(arguments[1:], sys.stdout)
    if arguments[:1] == ["forget-source"]:
        return forget.main(arguments[1:], sys.stdout)
    flags = parser(PROGRAM, __doc__, _EPILOG)
    add_flags(flags, Settings)
    add_surface(flags, DEFAULT_ADDRESS)
    return _serve(flags.parse_args(arguments))


def _serve(parsed: argparse.Namespace) -> int:
    settings = build(Settings, parsed)
    surface = open_surface(parsed)
    if not (settings.alertmanager_urls or settings.prometheus_urls):
        raise UsageError("no source of alerts: give --prometheus.url and --alertmanager.url")
    _check_cluster(settings)
    token = _webhook_token(settings, surface)
    front, tolerance = _assemble(settings)
    return _run(surface, replace(front, token=token), tolerance)


def _check_cluster(settings: Settings) -> None:
    """Refuse to take nodes for alerts that may be another cluster's: node names repeat."""
    if holds(Verdict.parse(settings.verdict_max)) and not settings.cluster:
        raise UsageError(
            f"--verdict.max={settings.verdict_max} needs --cluster: name the cluster that alerts "
            "must carry, as the label `cluster` in external_labels of its Prometheus does"
        )


def _webhook_token(settings: Settings, surface: Surface) -> Secret | None:
    """Return what webhooks must bring; ProgramError where that cannot be told."""
    if not settings.webhook_token_file:
        return None
    if webconfig.load(surface.web_config_file).users:
        raise UsageError(
            "--webhook.bearer-token-file: --web.config.file asks for a password in the same header"
        )
    token = Secret(where="--webhook.bearer-token-file", path=Path(settings.webhook_token_file))
    try:
        token.read()
    except ValueError as error:
        raise ProgramError(str(error)) from None
    return token


def _assemble(settings: Settings) -> tuple[Front, Tolerance | None]:
    known = proofs.load(settings.proofs_file)
    policy = policy_of(settings, known, time.time())
    poll = _poll(settings, known)
    meter = Meter()
    elector: Elector | None = None
    kube = connect(settings)
    evidence = _evidence(settings, kube, meter, policy.started)

    def look_again() -> None:
        loop.hint()

    loop = Loop(
        fleet=_fleet(kube, settings),
        poll=poll,
        policy=policy,
        pause=pause_of(settings, kube),
        pace=Pace(
            interval=settings.interval,
            timeout=settings.timeout,
            selector=settings.node_selector,
            dry_run=settings.dry_run,
            write_rate=settings.write_rate,
            write_burst=settings.write_burst,
            write_workers=settings.write_workers,
        ),
        meter=meter,
        leading=lambda: elector is None or elector.leading,
        rules=DeviceRules(
            kube,
            enabled=settings.fence_devices,
            stale_after=_STALE * settings.timeout,
            changed=look_again,
        ),
        evidence=evidence,
    )
    if settings.leader_elect and _mode(settings) == WRITES:
        elector = _elector(settings, loop)
    site = Site(
        loop=loop,
        meter=meter,
        evidence=evidence,
        elector=elector,
        cluster=settings.cluster,
        interval=settings.interval,
        mode=_mode(settings),
        kinds=tuple(poll.kinds.items()),
    )
    front = Front(loop=loop, meter=meter, elector=elector, site=site)
    return front, _tolerance(settings, kube, meter)


def _mode(settings: Settings) -> str:
    if settings.dry_run:
        return DRY_RUN
    return SHADOW if settings.shadow else WRITES


def _evidence(settings: Settings, kube: Kube, meter: Meter, started: float) -> Evidence:
    def count_line(result: str) -> None:
        meter.log_lines.labels(result).inc()

    def count_event(result: str) -> None:
        meter.events.labels(result).inc()

    announcer = Announcer(
        kube,
        announce.Errors(failure=KubeError, missing=Missing),
        component=PROGRAM,
        counted=count_event,
    )
    journal = Journal(
        Path(settings.decision_log),
        size=size(settings.decision_log_size),
        files=settings.decision_log_files,
        count=count_line,
    )
    return Evidence(
        meter,
        keys=keys_of(settings),
        started=started,
        journal=journal if settings.decision_log else None,
        announcer=announcer if settings.events else None,
        shadow=_mode(settings) == SHADOW,
    )


def _tolerance(settings: Settings, kube: Kube, meter: Meter) -> Tolerance | None:
    """Return the look at DaemonSets, None where it is not wanted."""
    if not settings.check_daemonsets:
        return None

    def publish(survey: Survey) -> None:
        meter.survey = survey

    return Tolerance(kube, keys_of(settings), settings.node_selector, publish=publish)


def _fleet(kube: Kube, settings: Settings) -> WatchedFleet:
    """Return the nodes, followed from now on: a replica that stands by knows them already."""
    fleet = WatchedFleet(
        kube,
        keys_of(settings),
        selector=settings.node_selector,
        stale_after=_STALE * settings.timeout,
    )
    fleet.start()
    return fleet


def _poll(settings: Settings, known: proofs.Proofs) -> Poll:
    ways = access.load(
        settings.http_config_file,
        (*settings.alertmanager_urls, *settings.prometheus_urls),
        "--prometheus.url or --alertmanager.url",
    )

    def endpoint(url: str) -> Endpoint:
        return Endpoint(url, settings.timeout, access=ways.get(shown(url)))

    return Poll(
        [Alertmanager(endpoint(url)) for url in settings.alertmanager_urls],
        [Prometheus(endpoint(url)) for url in settings.prometheus_urls],
        known,
        cluster=settings.cluster,
        timeout=settings.timeout,
    )


def _elector(settings: Settings, loop: Loop) -> Elector:
    return Elector(
        connect(settings, timeout=settings.lease_duration / 3),
        Errors(conflict=Conflict, failure=KubeError),
        namespace=settings.lease_namespace,
        name=settings.lease_name,
        identity=identity(),
        duration=settings.lease_duration,
        on_lead=loop.hint,
    )


def _run(surface: Surface, front: Front, tolerance: Tolerance | None) -> int:
    loop, elector = front.loop, front.elector
    ended = until_signalled()
    server = serve(surface, front.routes())
    workers = [threading.Thread(target=loop.run, name="loop", daemon=True)]
    if elector is not None:
        stand = threading.Thread(target=elector.run, args=(ended,), name="election", daemon=True)
        workers.append(stand)
    announcer = front.site.evidence.announcer if front.site else None
    if announcer is not None:
        speak = threading.Thread(target=announcer.run, args=(ended,), name="events", daemon=True)
        workers.append(speak)
    if tolerance is not None:

        def leading() -> bool:
            return elector is None or elector.leading

        look = threading.Thread(
            target=tolerance.run, args=(ended, leading), name="daemonsets", daemon=True
        )
        look.start()  # not waited for at the end: it only reads
    for worker in workers:
        worker.start()
    ended.wait()
    loop.stop()
    for worker in workers:
        worker.join(timeout=5)
    if elector is not None:
        elector.release()
    server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
