"""What an installation of railwatch brings along, by the metadata of what is installed here."""

from importlib import metadata

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def closure(extra: str) -> set[str]:
    """Return the distributions that installing railwatch with an extra brings."""
    wanted = [("railwatch", extra)]
    found: set[tuple[str, str]] = set()
    while wanted:
        name, asked = wanted.pop()
        if (name, asked) in found:
            continue
        found.add((name, asked))
        for text in metadata.requires(name) or ():
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": asked}):
                extras = requirement.extras or {""}
                wanted += [(canonicalize_name(requirement.name), each) for each in {"", *extras}]
    return {name for name, _extra in found} - {"railwatch"}
