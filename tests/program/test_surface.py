"""What every daemon's command line does, in processes of their own."""

import http.client
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from testbed.waiting import PATIENCE

DAEMON = """
import sys
from program.errors import run
from program.flags import parser
from program.surface import add_surface, open_surface, serve, until_signalled
from program.web import text

def main():
    made = parser("daemon", "A daemon.")
    add_surface(made, "127.0.0.1:0")
    surface = open_surface(made.parse_args())
    ended = until_signalled()
    server = serve(surface, {("GET", "/healthz"): lambda _: text("ok")})
    ended.wait()
    server.stop()
    return 0

sys.exit(run("daemon", main))
"""

FORGETFUL = """
import sys
from program.errors import ProgramError, run
from program.surface import Surface, serve

def main():
    serve(Surface(listen_address="127.0.0.1:0"), {})
    raise ProgramError("the kubeconfig is missing")

sys.exit(run("daemon", main))
"""

AT_EACH_LINE = """
import signal, sys
from program.surface import until_signalled

ended = until_signalled()
sent = 0

def send(frame, event, arg):
    global sent
    if frame.f_code.co_name in ("set", "wait") and sent < 100:
        sent += 1
        signal.raise_signal(signal.SIGTERM)
    return send

sys.settrace(send)
ended.wait()
ended.wait()
sys.exit(not (ended.is_set() and sent > 3))
"""


def ended(*argv: str, program: str = DAEMON) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, *argv],
        check=False, capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip


@contextmanager
def daemon(*argv: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start the daemon; yield it and the first line it logs."""
    with subprocess.Popen(
        [sys.executable, "-c", DAEMON, *argv], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        try:
            yield process, process.stderr.readline()
        finally:
            process.kill()


def port(line: str) -> int:
    found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
    assert found, line
    return int(found[1])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_daemon_serves_until_it_is_signalled_and_ends_with_0(number: signal.Signals) -> None:
    with daemon() as (process, line):
        client = http.client.HTTPConnection("127.0.0.1", port(line), timeout=PATIENCE)
        client.request("GET", "/healthz")
        body = client.getresponse().read()
        client.close()

        process.send_signal(number)

        assert process.wait(PATIENCE) == 0
    assert body == b"ok"
    assert "level=info" in line
    assert "msg=listening" in line


def test_logs_can_be_json() -> None:
    with daemon("--log.format", "json") as (_, line):
        assert '"msg": "listening"' in line


def test_a_level_hides_what_is_less_severe(tmp_path: Path) -> None:
    quiet = ended("--log.level", "error", "--web.config.file", str(tmp_path / "none"))

    assert quiet.stderr.startswith("daemon: error: --web.config.file")


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (["--web.listen"], 2, "unrecognized arguments: --web.listen; see daemon --help"),
        (["--web.listen-address", "9410"], 2, "'9410' is not an address such as :9410"),
        (["--log.level", "loud"], 2, "invalid choice: 'loud'"),
        (["--web.config.file", "/none"], 1, "--web.config.file /none: No such file or directory"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_an_exit_code(
    argv: list[str], code: int, words: str
) -> None:
    done = ended(*argv)

    assert done.returncode == code
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_a_taken_port_is_one_line_and_an_exit_code() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"

        done = ended("--web.listen-address", address)

    assert (done.returncode, done.stderr) == (
        1, f"daemon: error: cannot listen on {address}: Address already in use\n",
    )  # fmt: skip


def test_a_program_that_fails_after_it_began_to_serve_still_ends() -> None:
    done = ended(program=FORGETFUL)

    assert done.returncode == 1
    assert done.stderr.endswith("daemon: error: the kubeconfig is missing\n")


def test_help_shows_the_programs_own_default_address() -> None:
    done = ended("--help")

    assert done.returncode == 0
    assert "(default: 127.0.0.1:0)" in re.sub(r"\s+", " ", done.stdout)
    assert "(default: :0)" not in done.stdout


def test_a_signal_at_any_moment_ends_it_be_it_the_second() -> None:
    assert ended(program=AT_EACH_LINE).returncode == 0
