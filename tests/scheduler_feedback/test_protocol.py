"""What is read from a request that kube-scheduler sends, byte for byte."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler_feedback.placement.lookup import split
from scheduler_feedback.protocol import (
    BadRequestError,
    are_plain,
    parse_names,
    read_ask,
    read_preemption,
)
from tests.scheduler_feedback.objects import asked, request


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"Pod": {}}, "NodeNameToMetaVictims"),
        ({"Pod": {}, "NodeNameToMetaVictims": ["a"]}, "NodeNameToMetaVictims"),
        ({"Pod": {}, "NodeNameToVictims": {"a": {}}}, "nodeCacheCapable: true"),
        ({"NodeNameToMetaVictims": {}}, "Pod"),
    ],
)
def test_a_preemption_that_makes_no_sense_is_refused_with_what_is_wrong(
    document: dict[str, Any], says: str
) -> None:
    with pytest.raises(BadRequestError, match=says):
        read_preemption(asked(document))


@settings(deadline=None)
@given(
    st.text('ab,"\\\u00e9 ]}', max_size=40),
    st.lists(st.text('a0.-,"\\\u00e9', max_size=4), max_size=4),
    st.sampled_from([(",", ":"), (", ", ": ")]),
)
def test_names_that_are_cut_out_are_what_a_parser_makes_of_the_whole(
    broken: str, names: list[str], separators: tuple[str, str]
) -> None:
    listed = json.dumps(names, separators=separators) if names else broken
    body = f'{{"Pod":{{"metadata":{{"name":"x"}}}},"Nodes":null,"NodeNames":{listed}}}'.encode()

    assert read(body) == read(b" " + body + b" ")


def read(body: bytes) -> list[str] | None:
    """The names that are asked about; None where the request is refused."""
    try:
        ask = read_ask(request(body))
        listed = split(ask.inside) if ask.inside else None
        if listed and are_plain(ask.inside, len(listed.begins)):
            return [name.decode() for name in listed.names([*range(len(listed.begins))])]
        return list(ask.names or parse_names(ask.inside))
    except BadRequestError:
        return None
