"""python -m testbed.openb [--plot FILE.svg]: our policies on the trace, beside published ones."""

import argparse
import sys
from pathlib import Path
from statistics import fmean

from testbed.openb.contests import OURS, PUBLISHED, contests
from testbed.openb.plot import plot
from testbed.openb.simulate import SEEDS, simulate
from testbed.openb.trace import ARRIVED, published, read


def main() -> int:
    """Run every policy over the ten seeds; about four minutes on one core."""
    made = argparse.ArgumentParser(prog="python -m testbed.openb", description=__doc__)
    made.add_argument("--plot", type=Path, metavar="FILE.svg", help="draw the curves into a file")
    made.add_argument("--seeds", type=int, default=len(SEEDS), metavar="N", help="use only N seeds")
    asked = made.parse_args()
    trace, told, ours = read(), published(), {}
    print(f"{'GPU allocated at load':24}" + "".join(f"{load:>8} %" for load in ARRIVED))
    for name, contest in contests(trace).items():
        runs = [simulate(trace, contest, seed, ARRIVED) for seed in SEEDS[: asked.seeds]]
        ours[name] = {load: fmean(run[load] for run in runs) for load in ARRIVED}
        _line(name, ours[name])
        if name != OURS:
            _line("  published", told[PUBLISHED[name]])
    if asked.plot:
        plot(ours, told, asked.plot)
    return 0


def _line(name: str, allocated: dict[int, float]) -> None:
    print(f"{name:24}" + "".join(f"{allocated[load]:10.2f}" for load in ARRIVED), flush=True)


if __name__ == "__main__":
    sys.exit(main())
