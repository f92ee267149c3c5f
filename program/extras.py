"""Starts the programs that need an extra, and names it where they were installed without."""

from importlib import import_module
from importlib.util import find_spec

from program.errors import ProgramError, run


def bridge() -> int:
    """Be railwatch-bridge."""
    return _start("railwatch-bridge", "health_bridge.__main__", "bridge")


def scheduler() -> int:
    """Be railwatch-scheduler."""
    return _start("railwatch-scheduler", "scheduler_feedback.__main__", "scheduler")


def render() -> int:
    """Be railwatch-render."""
    return _start("railwatch-render", "render.__main__", "render")


def _start(program: str, module: str, extra: str) -> int:
    try:
        main = import_module(module).main
    except ModuleNotFoundError as error:
        package = str(error.name).partition(".")[0]
        if find_spec(package) is not None:
            raise  # it is there, and broken: no extra helps
        missing = f"{package} is not installed: pip install 'railwatch[{extra}]'"
        return run(program, lambda: _refuse(missing))
    return int(main())


def _refuse(why: str) -> int:
    raise ProgramError(why)
