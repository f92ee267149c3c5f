"""What device plugins and drivers call the GPUs they give to a container.

Each plugin has ids of its own: NVIDIA's names GPUs and MIG instances by uuid or by index, with a
replica's number after it where a GPU is shared; GKE's by the device node; NVIDIA's driver for
dynamic resource allocation by the device node's minor number.
"""

import re
from dataclasses import dataclass

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_NUMBER = r"[0-9]{1,4}"
_REPLICA = rf"(?:::{_NUMBER}|-{_NUMBER}|/vgpu{_NUMBER})?"

_FORMS = tuple(
    re.compile(form + _REPLICA, re.IGNORECASE | re.ASCII)
    for form in (
        rf"(?P<gpu>GPU-{_UUID})",
        rf"(?P<mig>MIG-{_UUID})",
        # As drivers before R470 named an instance.
        rf"MIG-(?P<gpu>GPU-{_UUID})/(?P<gi>{_NUMBER})/(?P<ci>{_NUMBER})",
    )
)
_NUMBERED_FORMS = tuple(
    re.compile(form + _REPLICA, re.ASCII)
    for form in (
        rf"nvidia(?P<minor>{_NUMBER})(?:/gi(?P<gi>{_NUMBER}))?",
        rf"(?P<index>{_NUMBER})(?::(?P<nth>{_NUMBER}))?",
    )
)
_DYNAMIC_FORMS = (
    re.compile(rf"gpu-(?P<minor>{_NUMBER})", re.ASCII),
    re.compile(rf"gpu-(?P<minor>{_NUMBER})-mig-(?P<other>[-0-9a-z]{{1,64}})", re.ASCII),
    re.compile(rf"(?P<gpu>gpu-{_UUID})", re.ASCII),
    re.compile(rf"(?P<mig>mig-{_UUID})", re.ASCII),
)

_NUMBERED_RESOURCES = ("nvidia.com/gpu", "nvidia.com/mig-")
"""Resources whose ids may be numbers; NVIDIA's other plugins number network devices."""

DRIVER = "gpu.nvidia.com"
"""NVIDIA's driver for dynamic resource allocation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceId:
    """What an id tells of a device; what it does not tell is empty or None."""

    gpu: str = ""
    """uuid of the GPU."""
    index: int | None = None
    """NVML's index of the GPU."""
    minor: int | None = None
    """Number in the GPU's device node."""
    mig: str = ""
    """uuid of the MIG instance."""
    gi: int | None = None
    """Id of the MIG instance's GPU instance."""
    ci: int | None = None
    """Id of its compute instance."""
    nth: int | None = None
    """Which of the GPU's MIG instances it is, in NVML's order."""
    other: str = ""
    """Whatever else tells a MIG instance from the others on its GPU."""

    @property
    def partial(self) -> bool:
        """Whether it is a MIG instance, and not a whole GPU."""
        return bool(self.mig or self.other) or self.gi is not None or self.nth is not None


def of_plugin(resource: str, text: str) -> DeviceId | None:
    """Return what a device plugin's id tells, None where it is no GPU's."""
    numbered = _NUMBERED_FORMS if resource.startswith(_NUMBERED_RESOURCES) else ()
    return _first((*_FORMS, *numbered), text)


def of_claim(driver: str, device: str) -> DeviceId | None:
    """Return what the name of a device given by a claim tells, None where it is no GPU."""
    return _first(_DYNAMIC_FORMS, device) if driver == DRIVER else None


def _first(forms: tuple[re.Pattern[str], ...], text: str) -> DeviceId | None:
    for form in forms:
        if found := form.fullmatch(text):
            return _device(**found.groupdict())
    return None


def _device(  # noqa: PLR0913 - the groups of the forms above
    *,
    gpu: str = "",
    mig: str = "",
    other: str = "",
    index: str | None = None,
    minor: str | None = None,
    gi: str | None = None,
    ci: str | None = None,
    nth: str | None = None,
) -> DeviceId:
    return DeviceId(
        gpu=_uuid(gpu),
        index=_number(index),
        minor=_number(minor),
        mig=_uuid(mig),
        gi=_number(gi),
        ci=_number(ci),
        nth=_number(nth),
        other=other,
    )


def _uuid(text: str) -> str:
    """Return a uuid as NVML writes it: GPU-8f1f….

    Names in the Kubernetes API are in small letters throughout.
    """
    kind, dash, rest = text.partition("-")
    return kind.upper() + dash + rest.lower()


def _number(text: str | None) -> int | None:
    return None if text is None else int(text)
