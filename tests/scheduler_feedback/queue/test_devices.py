"""What ResourceClaims take of their namespace's queue."""

from typing import Any

from scheduler_feedback.gang.pods import Claim
from scheduler_feedback.queue.devices import Devices, read_held

GPU = "nvidia.com/gpu"
CLASSES = {"gpu.nvidia.com": GPU, "mig.nvidia.com": "nvidia.com/mig-1g.10gb"}


def claim(
    *requests: dict[str, Any], pods: tuple[str, ...] = ("pod",), **meta: Any
) -> dict[str, Any]:
    """Return a ResourceClaim that was given what it asked for, by requests as `gpus` makes them."""
    results = [result for request in requests for result in request.pop("results")]
    return {
        "metadata": {"uid": "c", "namespace": "vision", "name": "c", **meta},
        "spec": {"devices": {"requests": list(requests)}},
        "status": {
            "allocation": {"devices": {"results": results}},
            "reservedFor": [{"resource": "pods", "uid": uid} for uid in pods],
        },
    }


def gpus(count: int, of: str = "gpu.nvidia.com", name: str = "gpu", **more: Any) -> dict[str, Any]:
    driver = {"driver": "gpu.nvidia.com", "pool": "a", **more}
    results = [{"request": name, "device": f"{name}-{n}", **driver} for n in range(count)]
    return {"name": name, "exactly": {"deviceClassName": of}, "results": results}


def taken(*claims: dict[str, Any], pods: tuple[Claim, ...] = ()) -> list[Claim]:
    devices = Devices()
    devices.replace(claims)
    return devices.taken(CLASSES, pods)


def pod(uid: str = "pod", **more: Any) -> Claim:
    return Claim(uid=uid, node="n", request={}, namespace="vision", **more)


def test_devices_count_for_the_claims_namespace_by_what_their_class_stands_for() -> None:
    mig = gpus(1, "mig.nvidia.com", "part")

    (found,) = taken(claim(gpus(4), mig, gpus(1, "nic.example.com", "nic")))

    assert found.namespace == "vision"
    assert found.request == {GPU: 4, "nvidia.com/mig-1g.10gb": 1}
    assert not found.going


def test_the_choice_that_was_made_of_several_says_the_class() -> None:
    choices = [
        {"name": "large", "deviceClassName": "gpu.nvidia.com"},
        {"name": "small", "deviceClassName": "mig.nvidia.com"},
    ]
    results = gpus(1, name="any/small")["results"]

    (found,) = taken(claim({"name": "any", "firstAvailable": choices, "results": results}))

    assert found.request == {"nvidia.com/mig-1g.10gb": 1}


def test_what_is_not_anybodys_own_device_does_not_count() -> None:
    of_requests = {"resource.kubernetes.io/extended-resource-claim": "true"}
    waiting = claim(gpus(2))
    waiting["status"] = {}

    assert read_held(waiting) is None
    assert read_held(claim(gpus(2, adminAccess=True))) is None
    assert read_held(claim(gpus(2, shareID="s"))) is None
    assert read_held(claim(gpus(2), annotations=of_requests)) is None
    assert read_held(claim({"name": "x", "results": gpus(1, name="y")["results"]})) is None


def test_devices_go_back_once_all_pods_that_use_them_leave() -> None:
    shared = claim(gpus(1), pods=("one", "two"))

    one_leaves = taken(shared, pods=(pod("one", going=True), pod("two")))
    both_leave = taken(shared, pods=(pod("one", going=True), pod("two", going=True)))

    assert [found.going for found in (*one_leaves, *both_leave)] == [False, True]


def test_devices_of_a_pod_that_another_engine_admits_are_that_engines() -> None:
    (found,) = taken(claim(gpus(1)), pods=(pod(engine="kueue"),))

    assert found.engine == "kueue"


def test_a_claim_that_gives_its_devices_back_or_goes_counts_no_more() -> None:
    devices, given_back = Devices(), claim(gpus(1))
    given_back["status"] = {}

    devices.put(claim(gpus(1)))
    assert len(devices.taken(CLASSES, ())) == 1
    devices.put(given_back)
    assert devices.taken(CLASSES, ()) == []
    devices.put(claim(gpus(1)))
    devices.drop(claim(gpus(1)))
    assert devices.taken(CLASSES, ()) == []
