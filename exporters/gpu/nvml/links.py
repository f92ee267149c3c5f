"""What fields tell of each link of a GPU, or lane of its PCIe link: in one call a cycle."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from exporters.errors import Absent, NoDriver, Unreadable
from exporters.gpu.fields import ALL_LINKS, FEC_BINS, FEC_HISTORY, LinkField
from exporters.gpu.nvml.calls import call, number, pci_address
from exporters.gpu.nvml.field_values import field_value, is_lacking

_MOST = 72
"""NVML counts no more links on any GPU."""


class Links:
    """The links of one kind, and these fields of them."""

    def __init__(
        self, handle: Any, fields: Iterable[LinkField], count: Callable[[], float]
    ) -> None:
        """Take the GPU's handle and what tells how many links there are."""
        self._handle = handle
        self._fields = tuple(fields)
        self._count = count
        self._lacking: frozenset[LinkField] = frozenset()
        self._told: dict[tuple[int, int], Any] | None = None
        self._all: range | None = None
        self._last: dict[tuple[LinkField, int], float] = {}

    def forget(self) -> None:
        """Begin a cycle."""
        self._told = None
        self._all = None

    @property
    def all(self) -> range:
        """The links by number; Absent where the GPU has none."""
        if self._all is None:
            self._all = self._counted()
        return self._all

    def _counted(self) -> range:
        count = self._count()
        if count == 0:
            raise Absent("no links")
        if not 0 < count <= _MOST:
            raise Unreadable(f"{count:g} links cannot be")
        return range(int(count))

    def value(self, field: LinkField, link: int) -> float:
        """Return what a field tells of a link, in NVML's unit.

        The first one asked for in a cycle reads all. What no link has is not asked for again, and
        what only some could have never is: its sum would not be that of all.
        """
        if self._told is None:
            self._told = self._read()
        place = field.of(link)
        if place is None or place not in self._told:
            raise Absent(f"{_name(field, link)}: not told")
        return field_value(_name(field, link), self._told[place])

    def count(self, field: LinkField, link: int) -> float:
        """Return what a counter tells of a link."""
        value = self.value(field, link)
        if value < 0:
            raise Unreadable(f"{_name(field, link)}: a counter at {value:g}")
        return value

    def counts(self, field: LinkField) -> dict[int, float]:
        """Return a counter by link; one that no longer tells keeps what it last told.

        So that a sum does not fall, and look like a reset, when a link goes down.
        """
        for link in self.all:
            try:
                self._last[field, link] = self.count(field, link)
            except NoDriver:
                raise
            except Absent:
                continue
        found = {link: self._last[field, link] for link in self.all if (field, link) in self._last}
        if not found:
            raise Absent(f"NVML_FI_DEV_{field.name}: not told of any link")
        return found

    def _read(self) -> dict[tuple[int, int], Any]:
        places = {
            field: [field.of(link) for link in self.all]
            for field in self._fields
            if field not in self._lacking
        }
        asked = [place for of in places.values() for place in of if place and None not in of]
        values = call("nvmlDeviceGetFieldValues", self._handle, asked) if asked else ()
        told = dict(zip(asked, values, strict=True))
        self._lacking |= {
            field
            for field, of in places.items()
            if all(place not in told or is_lacking(told[place]) for place in of if place)
        }
        return told


def _name(field: LinkField, link: int) -> str:
    return f"NVML_FI_DEV_{field.name}[{link}]"


class NvLinks(Links):
    """The NVLinks."""

    def __init__(self, handle: Any, count: Callable[[], float]) -> None:
        """Take the GPU's handle and what tells how many links there are."""
        fields = (field for field in LinkField if field.name.startswith("NVLINK_"))
        super().__init__(handle, fields, count)
        self._states: tuple[int, ...] = ()
        self._remotes: dict[int, int] = {}

    def states(self) -> tuple[int, ...]:
        """Return the state of each link, as NVML_NVLINK_STATE_*."""
        return tuple(map(self.state, self.all))

    def active(self) -> tuple[int, ...]:
        """Return the links that are not inactive."""
        return tuple(link for link, state in zip(self.all, self.states(), strict=True) if state)

    def _read(self) -> dict[tuple[int, int], Any]:
        """Read all; after a change of state, links may tell and lead to what they did not."""
        self._told = super()._read()
        with suppress(Absent, Unreadable):
            if (states := self.states()) != self._states:
                self._states, self._remotes = states, {}
                self._lacking = frozenset()
        return self._told

    def state(self, link: int) -> int:
        """Return the state of a link; older drivers only tell whether it is active."""
        try:
            return int(self.value(LinkField.NVLINK_GET_STATE, link))
        except NoDriver:
            raise
        except Absent:
            return number("nvmlDeviceGetNvLinkState", self._handle, link)

    def remote(self, link: int) -> int:
        """Return what a link leads to, as nvmlIntNvLinkDeviceType_t."""
        if link not in self._remotes:
            name = "nvmlDeviceGetNvLinkRemoteDeviceType"
            self._remotes[link] = number(name, self._handle, link)
        return self._remotes[link]

    def remote_pci_bus_id(self, link: int) -> str:
        """Return the PCI function that a link leads to."""
        return pci_address(call("nvmlDeviceGetNvLinkRemotePciInfo", self._handle, link))

    def corrections(self, link: int = ALL_LINKS) -> dict[int, float]:
        """Return the history of forward error correction by bin, of a link or of all."""
        places = [(FEC_HISTORY + place, link) for place in range(FEC_BINS)]
        told = call("nvmlDeviceGetFieldValues", self._handle, places)
        name = "NVML_FI_DEV_NVLINK_COUNT_FEC_HISTORY"
        return {place: field_value(f"{name}_{place}", one) for place, one in enumerate(told)}
