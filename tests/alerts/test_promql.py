"""Matchers as they are written."""

import pytest

from alerts.promql import SOME, select
from catalog.gpu import GPU_XID_LAST_TIMESTAMP


@pytest.mark.parametrize(
    ("value", "matcher"),
    [
        ("79", 'xid="79"'),
        (("79",), 'xid="79"'),
        (("79", "119"), 'xid=~"79|119"'),
        (SOME, 'xid=~".+"'),
        (("1.*",), 'xid=~"1.*"'),
    ],
)
def test_only_a_plain_value_is_matched_as_it_stands(
    value: str | tuple[str, ...], matcher: str
) -> None:
    assert select(GPU_XID_LAST_TIMESTAMP, xid=value).matchers == (matcher,)
