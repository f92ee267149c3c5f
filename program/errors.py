"""How a program says that it cannot go on: one line, naming the thing and the remedy.

ProgramError
├── UsageError     the command line is wrong; exit code 2
└── (raised as is) a file, port or server is not as it must be; exit code 1
"""

import sys
from collections.abc import Callable


class ProgramError(Exception):
    """Ends the program; its message is the whole of what the user sees."""

    exit_code = 1


class UsageError(ProgramError):
    """The command line does not make sense."""

    exit_code = 2


def run(program: str, main: Callable[[], int]) -> int:
    """Call `main` and return its exit code; a ProgramError becomes one line on stderr."""
    try:
        return main()
    except ProgramError as error:
        message = " ".join(str(error).split())
        sys.stderr.write(f"{program}: error: {message}\n")
        return error.exit_code
    except KeyboardInterrupt:
        return 130
