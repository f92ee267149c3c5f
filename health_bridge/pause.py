"""Whether the owner has paused the bridge: by flag, or at run time by one key of a ConfigMap.

Only an absent key and `false` mean that it runs. What cannot be read or understood pauses: somebody
may want it paused, and holding back taints is the smaller harm.
"""

from typing import Protocol

from health_bridge.cluster.errors import KubeError
from health_bridge.settings import Settings

KEY = "pause"


class ConfigMaps(Protocol):
    """Where the key is kept."""

    def config_map(self, namespace: str, name: str) -> dict[str, str] | None:
        """Return a ConfigMap's data, None where there is no such ConfigMap; KubeError."""


class Pause:
    """Says why new taints are held back."""

    def __init__(
        self, kube: ConfigMaps, *, always: bool = False, namespace: str = "", name: str = ""
    ) -> None:
        """Look at one ConfigMap; at none where `name` is empty."""
        self._kube = kube
        self._always = always
        self._where = namespace, name
        self.error: KubeError | None = None
        """Why the ConfigMap could not be read when it was last looked at."""

    def reason(self) -> str | None:
        """Return why the bridge is paused now, None where it is not."""
        self.error = None
        if self._always:
            return "by --pause"
        if not self._where[1]:
            return None
        at = f"ConfigMap {'/'.join(self._where)}"
        try:
            data = self._kube.config_map(*self._where)
        except KubeError as error:
            self.error = error
            return f"{at} cannot be read: {error}"
        value = (data or {}).get(KEY, "false").strip().lower()
        if value == "false":
            return None
        return f"by {at}" if value == "true" else f"{at}: {KEY} is neither true nor false"


def pause_of(settings: Settings, kube: ConfigMaps) -> Pause:
    """Return the pause that the settings describe."""
    return Pause(
        kube,
        always=settings.pause,
        namespace=settings.pause_namespace,
        name=settings.pause_name,
    )
