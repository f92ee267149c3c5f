"""How a device divides among its users."""

from hypothesis import given, settings
from hypothesis import strategies as st

from exporters.allocation.cgroups import Membership
from exporters.allocation.pod_logs import Names, User
from exporters.allocation.use import MOST, Use, divide
from tests.budget import examples

WEB, DB = "a" * 64, "b" * 64
NAMES = Names(
    pods={"uid-web": User(namespace="prod", pod="web"), "uid-db": User(namespace="prod", pod="db")},
    containers={WEB: User(namespace="prod", pod="web", container="main")},
)
HOST = ("host", "", "", "")
OTHERS = ("others", "", "", "")
REST = ("unattributed", "", "", "")


def use(amount: float, pod: str = "", container: str = "") -> Use:
    return Use(of=Membership(pod=pod, container=container), amount=amount)


def test_the_parts_make_the_whole() -> None:
    parts = divide(100, [use(60, "uid-web", WEB), use(10), use(5, "uid-web", WEB)], NAMES, []).parts

    assert parts == {("pod", "prod", "web", "main"): 65, HOST: 10, REST: 25}


def test_a_pod_whose_name_is_not_known_is_not_the_host() -> None:
    assert divide(100, [use(60, "uid-new", DB)], NAMES, []).parts == {REST: 100}


def test_the_only_container_that_was_given_the_device_is_the_one() -> None:
    given_to = [
        User(namespace="prod", pod="db", container="postgres"),
        User(namespace="test", pod="db", container="x"),
    ]

    parts = divide(100, [use(60, "uid-db", DB)], NAMES, given_to).parts

    assert parts == {("pod", "prod", "db", "postgres"): 60, REST: 40}


def test_of_several_containers_none_is_guessed() -> None:
    given_to = [User(namespace="prod", pod="db", container=name) for name in ("one", "two")]

    parts = divide(100, [use(60, "uid-db", DB)], NAMES, given_to).parts

    assert parts == {("pod", "prod", "db", ""): 60, REST: 40}


def test_what_processes_say_beyond_the_whole_leaves_no_remainder() -> None:
    assert divide(100, [use(120)], NAMES, []).parts == {HOST: 120, REST: 0}


def test_the_largest_are_shown_and_the_others_are_one_sum() -> None:
    pods = {f"uid-{n}": User(namespace="default", pod=f"pod-{n}") for n in range(100)}
    uses = [use(n + 1, f"uid-{n}") for n in range(100)]

    division = divide(10_000, uses, Names(pods=pods), [])

    parts, folded = division.parts, range(1, 100 - MOST + 1)
    assert (len(parts), division.folded) == (MOST + 2, 100 - MOST)
    assert parts[OTHERS] == sum(folded)
    assert parts[REST] == 10_000 - sum(range(101))
    assert sum(parts.values()) == 10_000
    assert min(value for labels, value in parts.items() if labels[0] == "pod") == folded.stop


@settings(max_examples=examples(100), deadline=None)
@given(
    st.integers(0, 1 << 40),
    st.lists(
        st.builds(
            use,
            st.integers(0, 1 << 40),
            st.sampled_from(("", "uid-web", "uid-db", "uid-new")),
            st.sampled_from(("", WEB, DB)),
        ),
        max_size=8,
    ),
)
def test_nothing_is_lost_or_counted_twice(whole: int, uses: list[Use]) -> None:
    parts = divide(whole, uses, NAMES, []).parts

    assert all(value >= 0 for value in parts.values())
    assert sum(parts.values()) == max(
        whole, sum(value for labels, value in parts.items() if labels != REST)
    )
