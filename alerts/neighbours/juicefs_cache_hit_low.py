"""A JuiceFS volume reads most of its blocks past the cache."""

from datetime import timedelta

from alerts.devices import shown
from alerts.model import Alert, At, Rising, Scenario, Signal, Threshold
from alerts.neighbouring import OWN_GUESS, WINDOW, about, rate
from alerts.promql import Series
from catalog.neighbours import JUICEFS_HITS, JUICEFS_MISSES

HITS, MISSES = Series(JUICEFS_HITS.name), Series(JUICEFS_MISSES.name)
DEVICE = about(
    f"JuiceFS volume {shown('vol_name')}",
    "juicefs",
    {"vol_name": "datasets"},
    {"vol_name": "checkpoints"},
    also={"mp": "/jfs"},
)
FOUND = rate(HITS, "vol_name")
ASKED = f"({FOUND} + {rate(MISSES, 'vol_name')})"

ALERT = Alert(
    name="JuicefsCacheHitLow",
    device=DEVICE,
    needs_fleet=True,
    expr=f"""
        {FOUND} / {ASKED} < $share
        and
        {ASKED} > $blocks
        """,
    notices=WINDOW,
    hold=timedelta(minutes=30),
    severity="info",
    summary=f"{DEVICE.title} reads past its cache",
    description=(
        f"Of the blocks that {DEVICE.title} reads, fewer than $share are in the local cache. In a "
        "first epoch that is so; afterwards the cache is too small for the dataset, or pods run "
        "where it is cold. Warm it up (juicefs warmup), or give it more space."
    ),
    why="GPUs wait for the object store, and each epoch pays for it again.",
    first_step="Compare juicefs_blockcache_evicts: many mean the cache is too small.",
    thresholds=(
        Threshold(name="share", default=0.5, meaning="Share of blocks found.", source=OWN_GUESS),
        Threshold(
            name="blocks",
            default=10,
            meaning="Blocks read a second, over all clients.",
            source="our own guess: 40 MiB/s in blocks of 4 MiB; fewer hold up no GPU",
        ),
    ),
    scenarios=(
        Scenario(
            name="the cache is cold",
            signals=(
                Signal(
                    series=HITS,
                    healthy=Rising(rate=At(threshold="blocks", times=9)),
                    below=Rising(rate=At(threshold="blocks", times=0.1)),
                    faulty=Rising(rate=At(threshold="blocks", times=0.1)),
                ),
                Signal(
                    series=MISSES,
                    healthy=Rising(rate=At(threshold="blocks", times=0.5)),
                    below=Rising(rate=At(threshold="blocks", times=0.8)),
                    faulty=Rising(rate=At(threshold="blocks", times=9)),
                ),
            ),
        ),
    ),
)
