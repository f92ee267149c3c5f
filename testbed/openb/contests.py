"""The policies that are put to the test on the trace, and what was published of them."""

import numpy as np

from scheduler_feedback.placement import policies
from scheduler_feedback.placement.capacity import WHOLE
from scheduler_feedback.placement.fragmentation import Likely
from testbed.openb.simulate import Contest
from testbed.openb.trace import Trace

PUBLISHED = {
    "random": "01-Random",
    "packing": "04-GpuPacking",
    "best fit": "05-BestFit",
    "fragmentation gradient": "06-FGD",
}
"""Our name of a policy → the name it was published under."""
OURS = "fragmentation aware"

_POPULAR = 0.95
"""The published experiments learn from the shapes that make up so much of the trace."""


def contests(trace: Trace) -> dict[str, Contest]:
    """Return each policy by its name."""
    most_cpu, most_gpu = max(trace.cpu), max(trace.gpus) * WHOLE
    popular, every = Likely.of(trace.pods, _POPULAR), Likely.of(trace.pods)
    anywhere = policies.anywhere(np.random.default_rng(0))
    return {
        "random": Contest(policy=anywhere, lots=True),
        "packing": Contest(policy=policies.packing),
        "best fit": Contest(policy=policies.best_fit(most_cpu, most_gpu)),
        "fragmentation gradient": Contest(policy=policies.fragmentation_gradient(popular)),
        OURS: Contest(policy=policies.fragmentation_aware(every)),
    }
