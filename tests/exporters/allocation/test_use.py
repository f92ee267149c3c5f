"""How a device divides among its users."""

from hypothesis import given, settings
from hypothesis import strategies as st

from exporters.allocation.cgroups import Membership
from exporters.allocation.pod_logs import Names, User
from exporters.allocation.turns import MOST
from exporters.allocation.use import Division, Use, Whole
from exporters.allocation.use import divide as divide_all
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


def divide(amount: float, uses: list[Use], names: Names, holders: list[User]) -> Division:
    """Return how the one device of a GPU divides."""
    (told,) = divide_all([Whole(amount=amount, uses=uses)], names, {"": holders}).values()
    return told


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


def crowded(devices: int, users: int) -> tuple[list[Whole], Names]:
    """Return the devices of a GPU with as many users on each, and what those are called."""
    pods = {
        f"uid-{d}-{n}": User(namespace="default", pod=f"pod-{d}-{n}")
        for d in range(devices)
        for n in range(users)
    }
    wholes = [
        Whole(mig=f"MIG-{d}", amount=1000, uses=[use(n + 1, f"uid-{d}-{n}") for n in range(users)])
        for d in range(devices)
    ]
    return wholes, Names(pods=pods)


def test_the_devices_of_a_gpu_share_its_names_and_each_stays_whole() -> None:
    wholes, names = crowded(devices=7, users=20)

    found = divide_all(wholes, names, {})

    named = {mig: [p for p in told.parts if p[0] == "pod"] for mig, told in found.items()}
    assert sum(map(len, named.values())) == MOST
    assert {len(pods) for pods in named.values()} == {2, 3}
    assert all(sum(told.parts.values()) == 1000 for told in found.values())
    assert all(told.folded == 20 - len(named[mig]) for mig, told in found.items())
    assert all(("pod", "default", f"pod-{mig[4:]}-19", "") in pods for mig, pods in named.items())


def test_a_crowded_device_takes_no_name_from_its_neighbour() -> None:
    wholes, names = crowded(devices=1, users=40)
    alone = Whole(mig="MIG-alone", amount=1, uses=[use(0.5, "uid-web")])
    pods = Names(pods={**names.pods, **NAMES.pods})

    found = divide_all([*wholes, alone], pods, {})

    assert ("pod", "prod", "web", "") in found["MIG-alone"].parts
    assert len([p for p in found["MIG-0"].parts if p[0] == "pod"]) == MOST - 1


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
