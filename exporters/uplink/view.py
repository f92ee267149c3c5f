"""What one cycle sees of the lines: the configuration, the interfaces, and those it names."""

from collections.abc import Iterator

from exporters.uplink.config import Config, fits
from exporters.uplink.links import Link, read_links
from exporters.uplink.rtnetlink import Rtnetlink
from exporters.uplink.watch import Watched


class View:
    """Looks once a cycle, for all facilities that need it."""

    def __init__(self, watched: Watched, kernel: Rtnetlink) -> None:
        """Take the file and the socket; nothing is read yet."""
        self.watched = watched
        self.kernel = kernel
        self._links: list[Link] | None = None

    def begin(self) -> None:
        """Forget what the last cycle saw; look whether the file has changed."""
        self.watched.look()
        self._links = None

    @property
    def config(self) -> Config:
        """The configuration in use."""
        return self.watched.config

    @property
    def links(self) -> list[Link]:
        """All interfaces, by name."""
        if self._links is None:
            self._links = read_links(self.kernel)
        return self._links

    def named(self, patterns: tuple[str, ...]) -> Iterator[Link]:
        """Yield the interfaces that patterns name."""
        return (link for link in self.links if patterns and fits(link.name, patterns))
