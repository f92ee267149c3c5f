"""Reading one thing by its kinds."""

import pytest

from exporters.errors import Absent, DeviceLost, NoDriver, Unreadable
from exporters.gpu.kinds import each


def read(value: object) -> float:
    if isinstance(value, Exception):
        raise value
    return float(str(value))


def test_a_kind_that_is_absent_is_left_out() -> None:
    assert list(each({"a": 1.0, "b": Absent("none"), "c": 3.0}, read)) == [("a", 1), ("c", 3)]


def test_a_kind_that_cannot_be_read_fails_after_the_others() -> None:
    reading = each({"a": Unreadable("first"), "b": Unreadable("second"), "c": 3.0}, read)

    assert next(reading) == ("c", 3)
    with pytest.raises(Unreadable, match="first"):
        next(reading)


@pytest.mark.parametrize("error", [DeviceLost("gone"), NoDriver("gone")])
def test_a_device_or_driver_that_is_gone_ends_it(error: Exception) -> None:
    with pytest.raises(type(error)):
        list(each({"a": error, "b": 1.0}, read))
