"""The exporters' job by another name, for those whose own scraping calls it something else.

It stands in selectors, in the series of unit tests and in what tells Prometheus whom to scrape; the
same word names pods and objects elsewhere, and they keep it.
"""

import re

from catalog.labels import EXPORTER_JOB

_JOB = re.compile(
    rf'(?P<before>\bjob=\\*"|\bjob_name: |\bjobName: |\breplacement: ){EXPORTER_JOB}(?![\w-])'
)


def renamed(text: str, job: str) -> str:
    """Return a rendered file in which the exporters' series have this label `job`."""
    return text if job == EXPORTER_JOB else _JOB.sub(rf"\g<before>{job}", text)
