"""Why a reading yields no sample.

ReadingError
├── Absent            not there on this device, driver or kernel: no sample, and nothing is wrong
│   └── NoDriver      the driver or its library is not there at all: the family is absent
├── Unreadable        there, but it cannot be read or makes no sense: the facility has failed
└── DeviceError       the device itself is in trouble
    ├── DeviceLost        it no longer answers and will not until it is reset or the node rebooted
    └── ResetRequired     it answers some calls, and asks to be reset
"""


class ReadingError(Exception):
    """A reading yielded nothing; the message names the file, call or field and what it said."""


class Absent(ReadingError):  # noqa: N818 - it names what the device said
    """There is nothing to read here."""


class NoDriver(Absent):
    """There is no driver, or no library to speak to it."""


class Unreadable(ReadingError):  # noqa: N818 - it names what the device said
    """There is something to read, and it could not be read."""


class DeviceError(ReadingError):
    """Evidence about the device as a whole."""


class DeviceLost(DeviceError):  # noqa: N818 - it names what the device said
    """The device is gone from the bus, as its driver says."""


class ResetRequired(DeviceError):  # noqa: N818 - it names what the device said
    """The driver asks for a reset of the device."""
