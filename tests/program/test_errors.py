"""A program that cannot go on says so in one line and with an exit code."""

import pytest

from program.errors import ProgramError, UsageError, run


def fail(error: BaseException) -> int:
    raise error


def test_the_exit_code_of_main_is_the_programs() -> None:
    assert run("tool", lambda: 3) == 3


@pytest.mark.parametrize(("error", "code"), [(ProgramError("a\n  b"), 1), (UsageError("a\nb"), 2)])
def test_a_program_error_is_one_line_on_stderr(
    error: ProgramError, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("tool", lambda: fail(error)) == code

    assert capsys.readouterr().err == "tool: error: a b\n"


def test_an_interrupt_is_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("tool", lambda: fail(KeyboardInterrupt())) == 130

    assert capsys.readouterr().err == ""


def test_a_bug_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        run("tool", lambda: 1 // 0)
