"""`KEEP=1`: the whole stays up, for whoever wants to look around in it."""

import os
import sys
import time

from testbed.demo.site import Site


def leave_running(site: Site) -> None:
    """Print where everything is, and return on Ctrl-C; at once where KEEP is not set."""
    if not os.environ.get("KEEP"):
        return
    sys.stdout.write("\nLeft running (Ctrl-C ends it all):\n")
    for name, url in site.urls.items():
        sys.stdout.write(f"  {name:<16} {url}\n")
    sys.stdout.flush()
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        sys.stdout.write("\n")
