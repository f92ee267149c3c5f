"""The GPUs of a node together."""

from catalog.gpu import GPU_TEMPERATURE
from exporters.facility import Cycle, End, Outcome, State
from exporters.gpu.card import Card
from exporters.gpu.family import GpuFamily
from exporters.ledger import Standing
from exporters.sample import Sample
from exporters.settings import Settings
from tests.exporters.samples import at, attached, cycle, outcome

OWN = 2
"""Posts beside those of GPUs: the list of them, the bus where one is in doubt."""


def family(gpus: int = 2) -> GpuFamily:
    made = unheard()
    made.enlist(inventory(gpus), at(0))
    return made


def unheard() -> GpuFamily:
    return GpuFamily(Settings(sysfs="/nowhere"), epoch=0)


def hear(of: GpuFamily, card: Card, told: Cycle, seconds: float) -> None:
    of._hear(card, told, at(seconds))


def inventory(gpus: int, *, end: End = End.OK, told: int | None = None) -> Cycle:
    entries = [
        outcome("inventory", notes={"index": i, "slot": f"0000:0{i}:00.0"})
        for i in range(gpus if told is None else told)
    ]
    return cycle(outcome("inventory", notes={"count": gpus}), *entries, end=end)


def answer(card: Card, *, state: State = State.OK) -> Cycle:
    uuid = f"GPU-{card.index}"
    samples = (Sample(GPU_TEMPERATURE, (str(card.index), uuid), 40),) if state is State.OK else ()
    told = attached(index=card.index, uuid=uuid, slot=card.slot)
    names = ("xid", "state", "identity", "memory", "utilization", "power", "ecc")
    others = [outcome(name) for name in names]
    problem = "broken" if state is State.FAILED else ""
    return cycle(
        told, *others, Outcome(facility="thermal", state=state, samples=samples, problem=problem)
    )


def standing(of: GpuFamily, facility: str, seconds: float = 10) -> Standing:
    (found,) = [s for s in of.standings(at(seconds)) if s.facility == facility]
    return found


def test_each_listed_gpu_gets_a_post() -> None:
    made = family(8)

    assert len(made.posts) == OWN + 8
    assert made.posts[OWN + 2].target() == {"slot": "0000:02:00.0"}
    made.enlist(inventory(8), at(60))
    assert len(made.posts) == OWN + 8


def test_before_the_inventory_everything_is_starting() -> None:
    made = unheard()

    assert {s.state for s in made.standings(at(1))} == {State.STARTING}
    assert not made.settled


def test_it_is_settled_once_every_gpu_was_judged() -> None:
    made = family(2)
    first, second = made.cards
    hear(made, first, answer(first), 1)
    assert not made.settled

    hear(made, second, cycle(end=End.HUNG), 2)

    assert made.settled


def test_a_hung_or_lost_gpu_does_not_make_the_facility_fail() -> None:
    made = family(3)
    well, hung, lost = made.cards
    hear(made, well, answer(well), 10)
    hear(made, hung, cycle(end=End.HUNG, problem="no answer from thermal"), 10)
    hear(made, lost, cycle(end=End.LOST), 10)

    assert standing(made, "thermal").state is State.OK
    assert standing(made, "thermal").age == 0
    assert standing(made, "state").state is State.OK


def test_a_facility_that_fails_on_one_gpu_that_answers_has_failed() -> None:
    made = family(2)
    well, ill = made.cards
    hear(made, well, answer(well), 10)
    hear(made, ill, answer(ill, state=State.FAILED), 10)

    assert standing(made, "thermal").state is State.FAILED
    assert standing(made, "thermal").problem == "broken"
    assert standing(made, "memory").state is State.OK


def test_a_facility_that_no_gpu_has_is_absent() -> None:
    made = family(1)
    (card,) = made.cards
    hear(made, card, answer(card, state=State.ABSENT), 10)

    assert standing(made, "thermal").state is State.ABSENT


def test_where_no_gpu_answers_any_more_the_facilities_are_hung() -> None:
    made = family(1)
    (card,) = made.cards
    hear(made, card, answer(card), 10)
    hear(made, card, cycle(end=End.HUNG), 20)

    assert standing(made, "thermal", 20).state is State.OK  # its readings are still shown
    assert standing(made, "thermal", 26).state is State.HUNG
    assert standing(made, "state", 26).state is State.HUNG


def test_where_every_gpu_is_lost_their_state_is_known_all_the_same() -> None:
    made = family(1)
    (card,) = made.cards
    hear(made, card, cycle(end=End.LOST), 10)

    assert standing(made, "state").state is State.OK
    assert standing(made, "thermal").state is State.FAILED


def test_without_a_driver_the_family_is_absent_and_says_why() -> None:
    made = unheard()

    made.enlist(cycle(end=End.ABSENT, problem="no library"), at(1))

    assert {s.state for s in made.standings(at(1))} == {State.ABSENT}
    assert {s.problem for s in made.standings(at(1))} == {"no library"}
    assert made.settled


def test_without_gpus_the_family_is_absent() -> None:
    assert standing(family(0), "memory").state is State.ABSENT


def test_a_driver_that_hangs_when_asked_for_the_list_is_hung() -> None:
    made = unheard()

    made.enlist(cycle(end=End.HUNG), at(120))

    assert standing(made, "memory").state is State.HUNG


def test_gpus_behind_the_one_that_hangs_the_list_are_tried_by_index() -> None:
    made = unheard()

    made.enlist(inventory(3, told=1, end=End.HUNG), at(10))
    assert [post.target() for post in made.posts[OWN:]] == [
        {"slot": "0000:00:00.0"},
        {"index": 1},
        {"index": 2},
    ]
    made.enlist(inventory(3), at(70))

    assert len(made.cards) == 3
    assert made.posts[OWN + 1].target() == {"slot": "0000:01:00.0"}


def test_a_gpu_that_a_whole_list_no_longer_has_is_missing() -> None:
    made = family(2)
    stays, goes = made.cards
    for card in (stays, goes):
        hear(made, card, answer(card), 10)

    made.enlist(inventory(1), at(60))

    assert (stays.state, goes.state) == ("ok", "missing")


def test_a_list_that_is_not_whole_makes_no_gpu_missing() -> None:
    made = family(2)
    for card in made.cards:
        hear(made, card, answer(card), 10)

    made.enlist(inventory(1, end=End.HUNG), at(60))
    assert {card.state for card in made.cards} == {"ok"}
    made.enlist(cycle(end=End.ABSENT), at(120))

    assert {card.state for card in made.cards} == {"unreadable"}
    assert made.driver == "absent"
