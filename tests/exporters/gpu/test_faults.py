"""Faults that the kernel's log tells of, and which source counts."""

from catalog.gpu import (
    GPU_RESET_TIMESTAMP,
    GPU_STATE,
    GPU_XID_BURSTS,
    GPU_XID_ERRORS,
    GPU_XID_LAST_TIMESTAMP,
    NVSWITCH_SXID_ERRORS,
    NVSWITCH_SXID_LAST_TIMESTAMP,
)
from exporters.facility import Cycle, End, Outcome, State
from exporters.gpu.family import GpuFamily
from exporters.ledger import Record
from exporters.node.kernel_log import Entry
from exporters.node.tail import Tail
from exporters.sample import Note, Sample
from exporters.settings import Settings
from tests.exporters.samples import at, attached, cycle, outcome

SLOT = "0000:05:00.0"
OTHER = "GPU-509665ad-b600-ac93-3616-d754b23d636d"
HEARD = {"xid_watched": True, "xid": 79, "xid_time": 0.0}
NVML_EVENT = cycle(attached(index=0, uuid="GPU-0", slot=SLOT), outcome("xid", notes=dict(HEARD)))


class Node:
    """One GPU of a family that follows a kernel log."""

    def __init__(self) -> None:
        self.record = Record()
        self.tail = Tail(self.record)
        self.family = GpuFamily(Settings(sysfs="/nowhere"), 0, self.tail)
        listed = outcome("inventory", notes={"index": 0, "slot": SLOT})
        self.family.enlist(cycle(outcome("inventory", notes={"count": 1}), listed), at(0))
        self._sequence = 0

    def answer(self, told: Cycle) -> None:
        (card,) = self.family.cards
        self.family._hear(card, told, at(10))

    def log(
        self, *messages: str, at_end: bool = True, when: float = 5.0, boot: str = "first"
    ) -> None:
        notes = [Note("boot_id", boot)]
        for message in messages:
            entry = Entry(sequence=self._sequence, time=when, message=message)
            notes.append(Note("line", str(entry)))
            self._sequence += 1
        notes += [Note("next", self._sequence), Note("lost", 0), Note("at_end", int(at_end))]
        self._take(Outcome(facility="kernel_log", state=State.OK, notes=tuple(notes)))

    def refuse(self) -> None:
        problem = "/dev/kmsg: Operation not permitted"
        self._take(Outcome(facility="kernel_log", state=State.FAILED, problem=problem))

    def _take(self, told: Outcome) -> None:
        self.record.take(told, at(10))
        self.tail.take(cycle(told))

    def samples(self) -> list[Sample]:
        return list(self.family.samples(at(10)))

    def counts(self, uuid: str = "GPU-0") -> dict[tuple[str, str], float]:
        return {
            (s.labels[2], s.labels[3]): s.value
            for s in self.samples()
            if s.metric is GPU_XID_ERRORS and s.labels[1] == uuid
        }

    def standing(self) -> State:
        (found,) = [s.state for s in self.family.standings(at(10)) if s.facility == "xid"]
        return found


def xid(code: int, slot: str = "0000:05:00") -> str:
    return f"NVRM: Xid (PCI:{slot}): {code}, pid=1, name=x, text"


def test_the_log_counts_and_nvml_does_not() -> None:
    node = Node()
    node.answer(NVML_EVENT)
    node.log(xid(48), when=7.5)

    assert node.counts()["48", "WORKFLOW_XID_48"] == 1
    assert node.counts()["79", "RESTART_BM"] == 0
    last = [s for s in node.samples() if s.metric is GPU_XID_LAST_TIMESTAMP and "48" in s.labels]
    assert [s.value for s in last] == [7.5]
    assert node.standing() is State.OK


def test_nvml_counts_where_the_log_is_unreadable() -> None:
    node = Node()
    node.answer(NVML_EVENT)
    node.refuse()

    assert node.counts()["79", "RESTART_BM"] == 1
    assert node.standing() is State.OK
    assert node.family.settled


def test_nothing_is_counted_before_the_look_back() -> None:
    node = Node()
    node.answer(NVML_EVENT)
    assert node.counts() == {}
    assert not node.family.settled

    node.log(xid(48), at_end=False)
    assert node.counts() == {}
    assert node.standing() is State.STARTING
    assert not node.family.settled

    node.log()
    assert node.counts()["48", "WORKFLOW_XID_48"] == 1
    assert node.family.settled


def test_a_log_that_becomes_readable_takes_over_with_all_of_the_boot() -> None:
    node = Node()
    node.answer(NVML_EVENT)
    node.refuse()
    assert node.counts()["79", "RESTART_BM"] == 1

    node.log(xid(79), xid(79))

    assert node.counts()["79", "RESTART_BM"] == 2


def test_a_log_that_becomes_unreadable_keeps_its_counts_and_says_so() -> None:
    node = Node()
    node.answer(NVML_EVENT)
    node.log(xid(48))

    node.refuse()
    node.answer(NVML_EVENT)

    assert node.counts()["48", "WORKFLOW_XID_48"] == 1
    assert node.counts()["79", "RESTART_BM"] == 0
    assert node.standing() is State.FAILED


def test_a_log_whose_reader_hangs_makes_the_xids_hang() -> None:
    node = Node()
    node.answer(NVML_EVENT)
    node.log()

    node.record.miss(cycle(end=End.HUNG))

    assert node.standing() is State.HUNG


def test_actionable_xids_begin_at_zero_by_each_resolution_they_may_have() -> None:
    node = Node()
    node.answer(NVML_EVENT)
    node.log()

    counts = node.counts()

    assert set(counts.values()) == {0}
    assert ("79", "RESTART_BM") in counts
    assert {r for code, r in counts if code == "145"} == {"WORKFLOW_NVLINK5_ERR", "RESET_GPU"}
    assert "13" not in {code for code, _ in counts}


def test_an_nvlink_error_is_counted_by_what_it_was_decoded_to() -> None:
    node = Node()
    node.answer(NVML_EVENT)
    registers = "RLW_REMAP Fatal XC0 i0 Link 00 (0x00000004 0x00000040 0x00000000 0x00000000)"
    node.log(f"NVRM: Xid (PCI:0000:05:00): 145, {registers}", xid(145))

    counts = {r: n for (code, r), n in node.counts().items() if code == "145"}

    assert counts == {"RESET_GPU": 1, "WORKFLOW_NVLINK5_ERR": 1}


def test_a_gpu_that_never_answered_is_named_by_the_log() -> None:
    node = Node()
    node.answer(cycle(end=End.LOST))
    node.log(f"NVRM: GPU at PCI:0000:05:00: {OTHER}", xid(79))

    assert node.counts(OTHER)["79", "RESTART_BM"] == 1
    states = [s.labels for s in node.samples() if s.metric is GPU_STATE and s.value == 1]
    assert states == [("0", OTHER, "lost")]


def test_a_slot_without_a_gpu_still_has_its_faults() -> None:
    node = Node()
    node.answer(NVML_EVENT)
    node.log(f"NVRM: GPU at PCI:0000:9b:00: {OTHER}", xid(79, "0000:9b:00"))

    mine = [s.labels for s in node.samples() if s.metric is GPU_XID_ERRORS and s.value == 1]

    assert mine == [("0000:9b:00.0", OTHER, "79", "RESTART_BM")]


def test_what_the_gpu_tells_of_itself_goes_before_the_log() -> None:
    node = Node()
    node.log(f"NVRM: GPU at PCI:0000:05:00: {OTHER}", xid(79))
    node.answer(NVML_EVENT)

    assert node.counts("GPU-0")["79", "RESTART_BM"] == 1
    assert node.counts(OTHER) == {}


def test_bursts_end_with_three_minutes_of_silence() -> None:
    node = Node()
    node.answer(NVML_EVENT)
    for when in (1000, 1100, 1280, 1461):
        node.log(xid(13), when=when)

    bursts = [s.value for s in node.samples() if s.metric is GPU_XID_BURSTS]

    assert bursts == [2]
    assert node.counts()["13", "RESTART_APP"] == 4


def test_switches_have_counts_of_their_own() -> None:
    node = Node()
    switch = "nvidia-nvswitch3: SXid (PCI:0000:85:00.0): 20034, Fatal, Link 30 LTSSM Fault Up"
    node.log(switch, switch, switch.replace(" Fatal, Link", " Severity 1 Engine"), when=9)

    found = {
        s.metric: (s.labels, s.value)
        for s in node.samples()
        if s.metric in (NVSWITCH_SXID_ERRORS, NVSWITCH_SXID_LAST_TIMESTAMP)
    }

    labels = ("nvswitch3", "0000:85:00.0", "20034", "fatal")
    assert found == {
        NVSWITCH_SXID_ERRORS: (labels, 2),
        NVSWITCH_SXID_LAST_TIMESTAMP: (labels, 9),
    }


def test_another_boot_forgets_the_faults_of_the_last() -> None:
    node = Node()
    node.answer(NVML_EVENT)
    node.log(xid(79))

    node._sequence = 0
    node.log(boot="second")

    assert set(node.counts().values()) == {0}


def test_without_a_driver_the_xids_are_absent_whatever_the_log_says() -> None:
    node = Node()
    family = GpuFamily(Settings(), 0, node.tail)
    node.log()

    family.enlist(cycle(end=End.ABSENT, problem="no library"), at(10))

    (found,) = [s.state for s in family.standings(at(10)) if s.facility == "xid"]
    assert found is State.ABSENT


def test_a_reset_that_the_log_tells_of_has_its_time() -> None:
    node = Node()
    booted = outcome("state", notes={"boot_id": "first", "boot_time": 1.0})
    node.answer(cycle(attached(index=0, uuid="GPU-0", slot=SLOT), booted))

    node.log(f"pci {SLOT}: [10de:2330] type 00 class 0x030200 PCIe Endpoint", when=2.0)
    asks = "NVRM: Xid (PCI:0000:05:00): 154, GPU recovery action changed from"
    node.log(f"{asks} 0x0 (None) to 0x1 (GPU Reset Required)", when=6.0)
    before = reset_time(node)
    node.log(f"{asks} 0x1 (GPU Reset Required) to 0x0 (None)", when=9.0)

    assert (before, reset_time(node)) == (2.0, 9.0)


def reset_time(node: Node) -> float:
    node.family.look(at(node._sequence * 10))
    (found,) = [s.value for s in node.samples() if s.metric is GPU_RESET_TIMESTAMP]
    return found


def test_a_gpu_that_is_silent_after_xid_79_is_lost_and_another_is_hung() -> None:
    node = Node()
    node.answer(cycle(attached(index=0, uuid="GPU-0", slot=SLOT)))
    node.answer(cycle(end=End.HUNG))
    (card,) = node.family.cards
    before = card.state

    node.log("NVRM: Xid (PCI:0000:05:00): 79, GPU has fallen off the bus.", when=2_000_000.0)
    node.family.look(at(20))

    assert (before, card.state) == ("hung", "lost")
