"""What one request frees is there for the next."""

import subprocess
import sys

_PAGES = """
import resource
from scheduler_feedback.memory import keep_freed

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

if {kept}:
    assert keep_freed()
for _ in range(3):
    before = faults()
    parts = [b"x" * (200 << 10) for _ in range(8)]
    del parts
    taken = faults() - before
print(taken)
"""


def faults_of_a_request(*, kept: bool) -> int:
    command = [sys.executable, "-c", _PAGES.format(kept=kept)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def test_a_request_takes_the_pages_that_the_one_before_has_freed() -> None:
    assert faults_of_a_request(kept=True) < 100 < faults_of_a_request(kept=False)
