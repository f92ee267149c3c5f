"""Draws how much of the GPUs each policy could give out, over the load that arrived."""

from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from testbed.openb.contests import OURS, PUBLISHED

Curves = Mapping[str, Mapping[int, float]]


def plot(ours: Curves, published: Curves, to: Path) -> None:
    """Draw our runs as lines and the published means as crosses; the same bytes each time."""
    with mpl.rc_context({"svg.hashsalt": "railwatch", "font.size": 9}):
        figure = Figure(figsize=(7, 4), layout="constrained")
        axes = figure.subplots()
        for name, curve in ours.items():
            (line,) = axes.plot(
                list(curve), list(curve.values()), linewidth=2.5 if name == OURS else 1, label=name
            )
            if name in PUBLISHED:
                told = published[PUBLISHED[name]]
                axes.plot(list(told), list(told.values()), "x", color=line.get_color())
        axes.set_xlabel("GPU asked for so far, % of the cluster's (crosses: published means)")
        axes.set_ylabel("GPU allocated, %")
        axes.set_ylim(84, 97)
        axes.set_xlim(88, 131)
        axes.grid(alpha=0.3)
        axes.legend(loc="lower right")
        figure.savefig(to, metadata={"Date": None})
