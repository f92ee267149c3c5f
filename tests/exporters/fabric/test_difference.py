"""What changed between two discoveries."""

from hypothesis import given, settings
from hypothesis import strategies as st

from exporters.fabric.difference import Change, Ends, Joint, Memory, changes
from tests.budget import examples


def link(one: str, other: str) -> Ends:
    """Return a link of ports such as `leaf:1`."""
    return frozenset(Joint(guid, int(port)) for guid, port in (one.split(":"), other.split(":")))


def links(*pairs: tuple[str, str]) -> frozenset[Ends]:
    return frozenset(link(one, other) for one, other in pairs)


WHOLE = links(("node:1", "leaf:1"), ("other:1", "leaf:2"), ("leaf:3", "spine:1"))


def test_a_link_that_is_gone_is_lost_and_is_added_when_it_is_back() -> None:
    less = WHOLE - {link("node:1", "leaf:1")}

    assert changes(WHOLE, less) == [Change(what="lost", before=link("node:1", "leaf:1"))]
    assert changes(less, WHOLE) == [Change(what="added", after=link("node:1", "leaf:1"))]


def test_a_cable_in_another_port_is_moved_and_not_lost() -> None:
    moved = WHOLE - {link("node:1", "leaf:1")} | {link("node:1", "leaf:7")}

    assert changes(WHOLE, moved) == [
        Change(what="moved", before=link("node:1", "leaf:1"), after=link("node:1", "leaf:7"))
    ]


def test_two_swapped_cables_are_two_moves() -> None:
    before = links(("a:1", "leaf:1"), ("b:1", "leaf:2"))
    after = links(("a:1", "leaf:2"), ("b:1", "leaf:1"))

    assert [change.what for change in changes(before, after)] == ["moved", "moved"]


def test_the_first_discovery_is_no_change() -> None:
    memory = Memory()

    assert memory.take(WHOLE, complete=True) == []
    assert list(memory.lost()) == []


def test_a_lost_link_is_told_until_it_is_back() -> None:
    memory = Memory()
    memory.take(WHOLE, complete=True)

    for _ in range(3):
        memory.take(WHOLE - {link("node:1", "leaf:1")}, complete=True)
        assert list(memory.lost()) == [link("node:1", "leaf:1")]

    memory.take(WHOLE, complete=True)
    assert list(memory.lost()) == []


def test_a_lost_link_whose_end_is_linked_elsewhere_is_forgotten() -> None:
    memory = Memory()
    memory.take(WHOLE, complete=True)
    memory.take(WHOLE - {link("node:1", "leaf:1")}, complete=True)

    memory.take(WHOLE - {link("node:1", "leaf:1")} | {link("node:1", "leaf:9")}, complete=True)

    assert list(memory.lost()) == []


def test_a_discovery_that_is_not_complete_loses_no_link() -> None:
    memory = Memory()
    memory.take(WHOLE, complete=True)

    assert memory.take(links(("leaf:3", "spine:1")), complete=False) == []
    assert list(memory.lost()) == []
    assert [c.what for c in memory.take(WHOLE - {link("node:1", "leaf:1")}, complete=True)] == [
        "lost"
    ]


@st.composite
def cablings(draw: st.DrawFn) -> frozenset[Ends]:
    """Return links of which no two share an end."""
    ends = draw(st.permutations([Joint(guid, port) for guid in "abcd" for port in (1, 2, 3)]))
    count = draw(st.integers(0, 6))
    return frozenset(frozenset(ends[2 * i : 2 * i + 2]) for i in range(count))


@given(before=cablings(), after=cablings())
@settings(max_examples=examples(300), deadline=None)
def test_changes_lead_from_one_cabling_to_the_other(
    before: frozenset[Ends], after: frozenset[Ends]
) -> None:
    found = changes(before, after)

    gone = {change.before for change in found if change.before}
    new = {change.after for change in found if change.after}
    assert (before - gone) | new == after
    assert len(gone) + len(new) == sum(1 + (c.what == "moved") for c in found)
    assert all(change.before & change.after for change in found if change.what == "moved")
