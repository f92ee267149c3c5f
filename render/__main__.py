"""railwatch-render: writes rules, routes, proofs, dashboards and manifests into a directory."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from program.errors import ProgramError, run
from program.flags import parser
from render.reading import SettingsError
from render.settings import Settings, load
from render.tree import files
from render.writing import write

PROGRAM = "railwatch-render"


def main(argv: Sequence[str] | None = None) -> int:
    """Render, and say what changed."""
    return run(PROGRAM, lambda: _main(sys.argv[1:] if argv is None else argv))


def _main(argv: Sequence[str]) -> int:
    flags = parser(PROGRAM, "Write everything that Prometheus, Alertmanager and Grafana read.")
    flags.add_argument("out", metavar="OUT", type=Path, help="directory to render into")
    flags.add_argument("--config", metavar="FILE", type=Path, help="settings (render.toml)")
    flags.add_argument(
        "--base-alertmanager",
        metavar="FILE",
        type=Path,
        help="Alertmanager configuration to merge our routes into",
    )
    parsed = flags.parse_args(argv)
    begun = time.monotonic()
    settings = load(parsed.config)
    base = _base(parsed.base_alertmanager, settings, parsed.config)
    written = write(parsed.out, _files(settings, base))
    print(
        f"{parsed.out}: {written.changed} written, {written.unchanged} unchanged, "
        f"{written.removed} removed in {time.monotonic() - begun:.1f} s"
    )
    return 0


def _base(flag: Path | None, settings: Settings, config: Path | None) -> Path | None:
    """Return the Alertmanager configuration to start from; the flag goes before the setting."""
    if flag is None and settings.alertmanager.base and config is not None:
        return config.parent / settings.alertmanager.base
    return flag


def _files(settings: Settings, base: Path | None) -> dict[str, bytes]:
    if base is None:
        return files(settings)
    try:
        return files(settings, base.read_text(encoding="utf-8"))
    except OSError as error:
        raise ProgramError(f"{base}: {error.strerror}") from None
    except (SettingsError, ValueError) as error:
        raise ProgramError(f"{base}: {error}") from None


if __name__ == "__main__":
    sys.exit(main())
