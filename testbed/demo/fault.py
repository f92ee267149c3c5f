"""One fault on its way, on two hosts: for whoever adds one (docs/adding-a-fault.md).

python -m testbed.demo.fault GpuFellOffBus nvml lose 3
"""

import argparse
import difflib
import subprocess
import sys
from collections.abc import Sequence

from catalog.faults import FAULTS, Fault, Scope
from catalog.verdicts import Verdict
from program.errors import ProgramError, UsageError, run
from program.flags import parser
from testbed import tools
from testbed.demo.hosts import GPUS, PARTS
from testbed.demo.leave import leave_running
from testbed.demo.looks import all_observed, condition, firing, running, tainted, withheld
from testbed.demo.screen import HopMissing, Screen
from testbed.demo.site import BUILD, ROOT, TOOLS, Site, site

HOSTS = SICK, _ = "gpu-0", "gpu-1"
FREE, BOUND = "free", "bound"
_EPILOG = """\
examples:
  python -m testbed.demo.fault GpuFellOffBus nvml lose 3
  python -m testbed.demo.fault RdmaLinkDown sysfs state mlx5_2 1 DOWN
python -m testbed.nvml --help and python -m testbed.sysfs --help say which words there are. For this
fault alone `for` is 0s, and the soak 20s.
"""
_PLACES = (Scope.DOMAIN, Scope.LINE)


def main() -> int:
    """Run the command line."""
    return run("python -m testbed.demo.fault", _main)


def _main() -> int:
    asked = _parser().parse_args()
    fault = _named(asked.fault)
    tools.ensure(*TOOLS)
    sys.stdout.write(f"Starting real servers and two simulated hosts; logs in {BUILD}\n")
    with site(HOSTS, fault) as started:
        try:
            told = follow(started, Screen(), fault, asked.part, asked.words)
        except HopMissing as missing:
            leave_running(started)
            raise ProgramError(f"{missing}; logs in {BUILD}") from None
        sys.stdout.write(f"\n{told}")
        leave_running(started)
    return 0


def _parser() -> argparse.ArgumentParser:
    made = parser("python -m testbed.demo.fault", "Show one fault's way to the scheduler.", _EPILOG)
    made.add_argument("fault", metavar="FAULT", help="its name, as in catalog/faults.py")
    made.add_argument("part", choices=PARTS, help="what shows it: GPUs, or RDMA ports")
    made.add_argument("words", nargs="+", metavar="WORD", help="how to break that part")
    return made


def _named(name: str) -> Fault:
    """Return the fault of this name; UsageError where a host cannot have it."""
    by_name = {fault.name: fault for fault in FAULTS}
    if name not in by_name:
        near = difflib.get_close_matches(name, by_name, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise UsageError(f"catalog/faults.py has no fault {name}{hint}")
    if by_name[name].scope in _PLACES:
        raise UsageError(f"{name} is of a {by_name[name].scope}: two hosts alone cannot show it")
    return by_name[name]


def follow(started: Site, screen: Screen, fault: Fault, part: str, words: Sequence[str]) -> str:
    """Break a host, wait for what its fault's verdict demands, and return the explanation."""
    kind = fault.condition.type
    screen.act(f"{fault.name}, on one of two hosts of {GPUS} GPUs and RDMA ports each")
    screen.wait_for("every host observed", lambda: all_observed(started), within=120)
    screen.note(f"on {SICK}: {part} {' '.join(words)}")
    started.hosts[SICK].steer(part, words)
    screen.wait_for("alert firing", lambda: firing(started, fault.name, node=SICK), within=90)
    screen.wait_for(
        "condition on the node",
        lambda: condition(started, SICK, kind, "True", fault.name),
        within=60,
    )
    if fault.verdict is Verdict.OBSERVE:
        return f"{fault.name} is told and nothing more: its verdict is {fault.verdict.label}.\n"
    screen.wait_for("taint on the node", lambda: tainted(started, SICK), within=60)
    if fault.verdict >= Verdict.CORDON:
        screen.wait_for("withheld by the scheduler", lambda: withheld(started, kind), within=60)
    return _placed(started, screen, fault)


def _placed(started: Site, screen: Screen, fault: Fault) -> str:
    """Start a pod that may use either host, and one that may not; return what is said of it."""
    view = started.view
    screen.note(f"a pod starts that wants {GPUS} GPUs, which both hosts have")
    view.start_pod(FREE, gpus=GPUS)
    screen.wait_for("placed on the other", lambda: running(started, FREE, 1, {SICK}), within=60)
    if fault.verdict < Verdict.CORDON:
        return _explained(started, FREE, fault)
    screen.note(f"a pod starts that wants {SICK} and no other")
    view.start_pod(BOUND, gpus=GPUS, node=SICK)
    screen.wait_for("refused", lambda: view.refusal(BOUND) or None, within=60)
    return _explained(started, BOUND, fault)


def _explained(started: Site, pod: str, fault: Fault) -> str:
    """Return what `railwatch-scheduler explain` says; HopMissing where the fault is not in it."""
    access = f"--kubeconfig={started.cluster.kubeconfig}"
    argv = [sys.executable, "-m", "scheduler_feedback", "explain", f"default/{pod}", access]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, cwd=ROOT)
    if f"{SICK}: {fault.name} on " not in done.stdout:
        raise HopMissing(f"explain does not name {fault.name}: {done.stdout}")
    return f"$ railwatch-scheduler explain default/{pod}\n{done.stdout}"


if __name__ == "__main__":
    sys.exit(main())
