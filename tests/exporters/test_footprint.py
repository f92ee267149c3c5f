"""What settling before a fork does to a process: to one of its own, as it is for good."""

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parents[2]
UNCOUNTED = sys.version_info >= (3, 12)
"""Whether the interpreter has objects whose references it does not count."""


def said(script: str) -> str:
    """Return what a script prints; it ends well."""
    done = subprocess.run(
        [sys.executable, "-c", dedent(script)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_references_of_what_was_there_are_not_counted_where_that_can_be() -> None:
    counted = said("""
        import sys
        from exporters import footprint
        def function(): return ("a constant", 12345678.5)
        class Class: pass
        before = [function, function.__code__, function(), function()[1], Class, Class(), {1: 2}]
        footprint.settle()
        counts = list(map(sys.getrefcount, before))
        more = before * 1000
        print({now - count for now, count in zip(map(sys.getrefcount, before), counts)})
    """)
    assert counted == ("{0}" if UNCOUNTED else "{1000}")


def test_a_fork_that_uses_what_was_there_copies_little_of_it() -> None:
    """100,000 objects of 64 bytes and more: 6 MiB and more, had each been written on."""
    copied = int(
        said("""
            import os
            from pathlib import Path
            from exporters import footprint
            there = [(i, i) for i in range(100_000)]
            footprint.settle()
            def copied():
                lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
                return next(int(l.split()[1]) for l in lines if l.startswith("Private_Dirty:"))
            if os.fork() == 0:
                before = copied()
                used = list(there)
                print(copied() - before, flush=True)
                os._exit(0)
            os.wait()
        """)
    )
    array = 100_000 * 8 >> 10
    if UNCOUNTED:
        assert copied < 2 * array
    else:
        assert copied > 4 * array


def test_what_comes_later_is_let_go_as_ever() -> None:
    gone = said("""
        import gc, weakref
        from exporters import footprint
        class Class: pass
        here = [Class()]
        footprint.settle()
        footprint.settle()
        after, ring = Class(), Class()
        ring.itself = ring
        refs = [weakref.ref(after), weakref.ref(ring)]
        here.append(after)
        here.pop()
        del after, ring
        gc.collect()
        print([ref() for ref in refs], len(here), type(here[0]) is Class)
    """)
    assert gone == "[None, None] 1 True"


def test_tuples_that_are_gone_do_not_gather_in_a_worker() -> None:
    """20 tuples of 184 bytes a cycle, for 100 cycles: 360 KB where nothing lets them go."""
    gathered = int(
        said("""
            import socket, tracemalloc
            from exporters import runtime
            class Session:
                notes, lasting = (), True
                def cycle(self):
                    [tuple(n for n in range(18)) for _ in range(20)]
                    taken.append(tracemalloc.get_traced_memory()[0])
                    return iter(())
            taken = []
            ours, theirs = socket.socketpair()
            ours.sendall(b"+" * 99)
            ours.shutdown(socket.SHUT_WR)
            tracemalloc.start()
            runtime.work(theirs, Session)
            assert len(taken) == 100
            print(max(taken[20:]) - min(taken))
        """)
    )
    assert gathered < 100_000


def test_the_process_ends_as_ever() -> None:
    """What is to be said last is said: at exit, and what stands in a buffer."""
    last = said("""
        import atexit, sys
        from exporters import footprint
        atexit.register(lambda: sys.stdout.write(" and this"))
        footprint.settle()
        sys.stdout.write("this")
    """)
    assert last == "this and this"
