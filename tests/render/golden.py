"""What `make render` writes by default, as the tests compare with it.

python -m tests.render.golden    write tests/golden again

Each rule file stands there as it is, for reviews; every other file by its digest, in one index. So
a new alert changes its own file and the index.
"""

import hashlib
import sys
from collections.abc import Mapping
from pathlib import Path

from render.settings import Settings
from render.tree import files

GOLDEN = Path(__file__).parents[1] / "golden"
INDEX = "tree.txt"
_RULES = "prometheus/rules/"


def goldens(tree: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the goldens of a rendered tree, by their path below tests/golden."""
    index = "".join(
        f"{hashlib.sha256(content).hexdigest()}  {path}\n"
        for path, content in sorted(tree.items())
        if not path.startswith(_RULES)
    )
    rules = {
        f"rules/{path.removeprefix(_RULES)}": content
        for path, content in tree.items()
        if path.startswith(_RULES)
    }
    return {**rules, INDEX: index.encode()}


def stale(folder: Path, tree: Mapping[str, bytes]) -> list[str]:
    """Return the goldens that are not as they should be, those too that should not be there."""
    wanted = goldens(tree)
    there = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
    return sorted(name for name in {*wanted, *there} if wanted.get(name) != there.get(name))


def main(folder: Path = GOLDEN) -> int:
    """Write the goldens that are stale, and remove those that nothing is rendered for."""
    tree = files(Settings())
    wanted = goldens(tree)
    for name in stale(folder, tree):
        path = folder / name
        if name in wanted:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(wanted[name])
        else:
            path.unlink()
        print(f"{path} {'written' if name in wanted else 'removed'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
