"""How many GPUs there should be, and how that is known."""

from exporters.expected import Devices, Expected
from exporters.gpu.learning import Learning
from tests.exporters.samples import at

EIGHT = frozenset(f"0000:0{slot}:00.0" for slot in range(8))


def learning(declared: Expected | None = None, learned: frozenset[str] = frozenset()) -> Learning:
    return Learning(lambda: declared, learned, interval=5.0)


def test_what_happens_to_be_visible_is_not_expected() -> None:
    made = learning()

    made.observe(EIGHT, at(0))
    made.observe(EIGHT, at(59))

    assert made.count is None


def test_a_full_healthy_period_is_learned_and_only_grows() -> None:
    made = learning()
    made.observe(EIGHT, at(0))

    assert made.observe(EIGHT, at(60))
    assert not made.observe(EIGHT, at(65))
    assert made.count == ("learned", 8)
    seven = EIGHT - {"0000:03:00.0"}
    made.observe(seven, at(70))
    made.observe(seven, at(200))
    assert made.count == ("learned", 8)


def test_trouble_begins_the_period_again() -> None:
    made = learning()
    made.observe(EIGHT, at(0))
    made.observe(None, at(30))
    made.observe(EIGHT, at(35))

    assert not made.observe(EIGHT, at(80))
    assert made.observe(EIGHT, at(95))


def test_what_is_declared_goes_before_what_was_learned() -> None:
    counted = learning(Expected(source="file", gpus=Devices(count=9)), learned=EIGHT)
    named = learning(Expected(source="annotation", gpus=Devices(count=1, names=("a",))))

    assert (counted.count, counted.slots) == (("file", 9), EIGHT)
    assert (named.count, named.slots) == (("annotation", 1), frozenset({"a"}))


def test_a_declaration_of_ports_alone_says_nothing_of_gpus() -> None:
    made = learning(Expected(source="file", rdma_ports=Devices(count=8)), learned=EIGHT)

    assert made.count == ("learned", 8)
