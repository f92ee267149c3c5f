"""Why a reading yields no sample.

ReadingError
├── Absent            not there on this device, driver or kernel: no sample, and nothing is wrong
│   ├── NoDriver      the driver or its library is not there at all: the family is absent
│   └── NotManaged    the device is there, and not ours to read
├── Unreadable        there, but it cannot be read or makes no sense: the facility has failed
│   ├── NotPermitted  this program may not read it
│   └── Mismatch      the library does not fit the driver: none of its devices can be read
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


class NotManaged(Absent):
    """The device is there, and is another's: excluded, or its node is kept from us."""


class Unreadable(ReadingError):  # noqa: N818 - it names what the device said
    """There is something to read, and it could not be read."""


class NotPermitted(Unreadable):
    """It is there, and this program may not read it."""


class Mismatch(Unreadable):
    """The library is of another version than the driver in the kernel."""


class DeviceError(ReadingError):
    """Evidence about the device as a whole."""


class DeviceLost(DeviceError):  # noqa: N818 - it names what the device said
    """The device is gone from the bus, as its driver says."""


class ResetRequired(DeviceError):  # noqa: N818 - it names what the device said
    """The driver asks for a reset of the device."""
