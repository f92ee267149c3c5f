"""Who may hold the Lease, and when."""

from dataclasses import replace

from health_bridge.election import Elector, Lease, claim
from health_bridge.errors import Conflict, Unreachable

HELD = Lease(holder="other", duration=10, acquired="t0", renewed="t1", transitions=3, version="7")


class Server:
    """A Lease as the API server keeps it: each write needs the version it replaces."""

    def __init__(self, lease: Lease | None = None) -> None:
        self.kept = lease
        self.away = False

    def lease(self, namespace: str, name: str) -> Lease | None:
        self._reach(namespace, name)
        return self.kept

    def _reach(self, *where: str) -> None:
        assert where == ("n", "l")
        if self.away:
            raise Unreachable("away")

    def write_lease(self, namespace: str, name: str, lease: Lease) -> Lease:
        self._reach(namespace, name)
        if lease.version != (self.kept.version if self.kept else ""):
            raise Conflict("moved")
        self.kept = replace(lease, version=str(int(lease.version or 0) + 1))
        return self.kept


def elector(server: Server, identity: str = "me", duration: float = 10) -> Elector:
    return Elector(
        server,
        namespace="n",
        name="l",
        identity=identity,
        duration=duration,
        on_lead=lambda: None,
    )


def test_a_lease_that_is_not_there_is_taken() -> None:
    taken = claim(None, "me", 10, 0, "t2")

    assert taken == Lease(holder="me", duration=10, acquired="t2", renewed="t2", transitions=0)


def test_a_lease_of_ones_own_is_renewed() -> None:
    renewed = claim(replace(HELD, holder="me"), "me", 10, 99, "t2")

    assert renewed == replace(HELD, holder="me", renewed="t2")


def test_anothers_lease_is_left_until_it_has_not_changed_for_its_whole_life() -> None:
    assert claim(HELD, "me", 10, 10, "t2") is None
    assert claim(HELD, "me", 10, 10.1, "t2") == replace(
        HELD, holder="me", acquired="t2", renewed="t2", transitions=4
    )


def test_a_released_lease_is_taken_at_once() -> None:
    taken = claim(replace(HELD, holder=""), "me", 10, 0, "t2")

    assert taken is not None
    assert taken.holder == "me"


def test_of_two_only_one_leads() -> None:
    server = Server()
    first, second = elector(server, "first"), elector(server, "second")

    first.tick()
    second.tick()

    assert (first.leading, second.leading) == (True, False)
    assert second.holder == "first"


def test_a_leader_that_cannot_renew_stops_before_others_may_take_over() -> None:
    server = Server()
    leader = elector(server, duration=0.3)
    leader.tick()
    led = leader.leading
    server.away = True

    leader.tick()

    assert led
    assert leader.error == "away"
    assert leader._leads_until - leader._seen_at < 0.3


def test_who_stands_down_lets_another_take_over_at_once() -> None:
    server = Server()
    first, second = elector(server, "first"), elector(server, "second")
    first.tick()
    second.tick()

    first.stop()
    second.tick()

    assert (first.leading, second.leading) == (False, True)


def test_who_loses_a_race_does_not_lead() -> None:
    class Racing(Server):
        def lease(self, namespace: str, name: str) -> Lease | None:
            before = super().lease(namespace, name)
            self.kept = replace(HELD, version="9")
            return before

    late = elector(Racing())

    late.tick()

    assert not late.leading
    assert late.error is None
