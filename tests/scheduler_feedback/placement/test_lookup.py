"""Finding the rows of names in the bytes they came in."""

from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler_feedback.placement.lookup import UNKNOWN, Lookup, joined, split
from tests.budget import examples

_names = st.lists(st.text("ab-.0", min_size=1, max_size=30), min_size=1, max_size=12, unique=True)


@settings(max_examples=examples(150))
@given(_names, _names)
def test_a_name_is_found_in_its_row_or_left_to_others_and_none_in_anothers(
    known: list[str], asked: list[str]
) -> None:
    rows = {name.encode(): row for row, name in enumerate(known)}

    found = Lookup(rows.items()).find(joined([name.encode() for name in asked]))

    for name, row in zip(asked, found.tolist(), strict=True):
        assert row in (rows.get(name.encode(), UNKNOWN), UNKNOWN)


def test_names_of_a_large_fleet_are_nearly_all_found() -> None:
    names = [f"gpu-{number:05}.cluster.example".encode() for number in range(5000)]

    found = Lookup((name, row) for row, name in enumerate(names)).find(joined(names[::-1]))

    missed = found == UNKNOWN
    assert missed.mean() < 0.05
    assert (found[~missed] == [row for row in range(4999, -1, -1) if not missed[4999 - row]]).all()


@settings(max_examples=examples(150))
@given(_names, st.sets(st.integers(min_value=0, max_value=11)))
def test_without_some_of_its_names_a_list_is_that_of_the_others(
    names: list[str], dropped: set[int]
) -> None:
    encoded = [name.encode() for name in names]
    gone = sorted(at for at in dropped if at < len(names))

    left = joined(encoded).without(gone)

    others = [name for at, name in enumerate(encoded) if at not in gone]
    assert left.inside == joined(others).inside
    assert left.names([*range(len(others))]) == others


@settings(max_examples=examples(150))
@given(st.text('ab,"\\ ', max_size=20))
def test_whatever_is_split_stands_between_quotes(text: str) -> None:
    listed = split(text.encode())

    if listed is not None:
        names = listed.names([*range(len(listed.begins))])
        assert b'"%b"' % b'","'.join(names) == text.encode()
