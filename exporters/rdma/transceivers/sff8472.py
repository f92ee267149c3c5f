"""SFP: SFF-8472 revision 12.4, monitors calibrated by the module itself."""

from exporters.rdma.transceivers.module import (
    Eeprom,
    Flag,
    Lane,
    Module,
    amperes,
    bits,
    celsius,
    text,
    volts,
    watts,
)

_DIAGNOSTICS = 0x51
"""The second address on the module's bus, where its monitors are."""

_MONITORED, _CALIBRATED = 1 << 6, 1 << 5
_HALF = 128
_TX_FAULT, _RX_LOSS = 1 << 2, 1 << 1

_FIRST = (
    "transmit_power_low", "transmit_power_high", "bias_low", "bias_high", "voltage_low",
    "voltage_high", "temperature_low", "temperature_high",
)  # fmt: skip
_SECOND = ("", "", "", "", "", "", "receive_power_low", "receive_power_high")


def decode(read: Eeprom) -> Module:
    """Return what an SFP says."""
    memory = read(0, _HALF)
    who = Module(
        form="sfp",
        vendor=text(memory, 20, 16),
        part=text(memory, 40, 16),
        serial=text(memory, 68, 16),
    )
    kind = memory[92]
    if not (kind & _MONITORED and kind & _CALIBRATED):
        return who
    return _monitored(who, read(0, _HALF, i2c=_DIAGNOSTICS))


def _monitored(who: Module, memory: bytes) -> Module:
    return Module(
        form=who.form,
        vendor=who.vendor,
        part=who.part,
        serial=who.serial,
        temperature_celsius=celsius(memory, 96),
        limit_celsius=celsius(memory, 0),
        supply_volts=volts(memory, 98),
        lanes=(
            Lane(
                number=1,
                received_watts=watts(memory, 104),
                sent_watts=watts(memory, 102),
                bias_amperes=amperes(memory, 100),
            ),
        ),
        flags=_flags(memory),
    )


def _flags(memory: bytes) -> tuple[Flag, ...]:
    found: list[Flag] = []
    for kind, at in (("alarm", 112), ("warning", 116)):
        for value, names in ((memory[at], _FIRST), (memory[at + 1], _SECOND)):
            found += bits(value & _used(names), tuple(f"{name}_{kind}" for name in names))
    if memory[110] & _TX_FAULT:
        found.append(Flag(name="transmit_fault", lane=1))
    if memory[110] & _RX_LOSS:
        found.append(Flag(name="receive_loss_of_signal", lane=1))
    return tuple(found)


def _used(names: tuple[str, ...]) -> int:
    return sum(1 << place for place, name in enumerate(names) if name)
