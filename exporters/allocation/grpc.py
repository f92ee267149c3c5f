"""Unary gRPC calls over a unix socket: the one file that imports h2.

h2 and not grpcio, which costs the worker four times the memory and starts threads. Each cycle
dials anew: it costs a millisecond, and so a socket that a restarted kubelet made anew needs no
watching.
https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
"""

import socket
import struct
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.exceptions import H2Error
from h2.settings import SettingCodes

from exporters.errors import Absent, Unreadable

LIMIT = 16 << 20
"""Bytes an answer may have; the kubelet's own clients take as many."""

_PREFIX = struct.Struct("!BI")
"""Before a message: whether it is compressed, and its length."""
_CHUNK = 1 << 18
_FRAME = 1 << 18
_OK, _TOO_LATE, _UNIMPLEMENTED = "0", "4", "12"


@dataclass(slots=True)
class _Answer:
    body: bytearray = field(default_factory=bytearray)
    status: str = ""
    message: str = ""
    ended: bool = False


class Channel:
    """A connection to the server behind a socket, from `with` to its end."""

    def __init__(self, path: str, deadline: float) -> None:
        """Take the socket's path, and for how many seconds all calls together may take."""
        self._path = path
        self._until = time.monotonic() + deadline
        self._deadline = deadline
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self._http = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))

    def __enter__(self) -> Self:
        """Dial; OSError where nobody listens there."""
        try:
            self._limit()
            self._socket.connect(self._path)
        except BaseException:
            self._socket.close()
            raise
        self._http.initiate_connection()
        self._http.update_settings(
            {SettingCodes.INITIAL_WINDOW_SIZE: LIMIT, SettingCodes.MAX_FRAME_SIZE: _FRAME}
        )
        self._http.increment_flow_control_window(LIMIT)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._socket.close()

    def _limit(self) -> None:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)

    def call(self, method: str, request: bytes = b"") -> memoryview:
        """Return what a method answers, given as `/package.Service/Method`.

        Absent where the server does not have the method; Unreadable where it says that something
        is wrong, does not speak gRPC, or does not answer in time.
        """
        try:
            answer = self._call(method, request)
        except TimeoutError:
            raise Unreadable(f"{method}: no answer within {self._deadline:g} s") from None
        except (OSError, H2Error, ValueError) as error:
            raise Unreadable(f"{method}: {type(error).__name__}: {error}") from None
        if answer.status != _OK:
            meaning = Absent if answer.status == _UNIMPLEMENTED else Unreadable
            raise meaning(f"{method}: gRPC status {answer.status or 'missing'} {answer.message}")
        return _message(method, answer.body)

    def _call(self, method: str, request: bytes) -> _Answer:
        stream = self._http.get_next_available_stream_id()
        headers = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", method),
            (":authority", "localhost"),
            ("te", "trailers"),
            ("content-type", "application/grpc"),
            ("grpc-timeout", f"{max(1, int(1000 * self._deadline))}m"),
        ]
        self._http.send_headers(stream, headers)
        self._http.send_data(stream, _PREFIX.pack(0, len(request)) + request, end_stream=True)
        answer = _Answer()
        while not answer.ended:
            self._limit()
            self._socket.sendall(self._http.data_to_send())
            self._limit()
            received = self._socket.recv(_CHUNK)
            if not received:
                raise ConnectionResetError("the connection was closed")
            for event in self._http.receive_data(received):
                self._take(answer, event)
        if answer.status == _TOO_LATE:  # a server that keeps to the deadline too, and was first
            raise TimeoutError
        return answer

    def _take(self, answer: _Answer, event: Event) -> None:
        match event:
            case ResponseReceived() | TrailersReceived():
                headers = {str(name): str(value) for name, value in event.headers or ()}
                answer.status = headers.get("grpc-status", answer.status)
                answer.message = headers.get("grpc-message", answer.message)
            case DataReceived():
                answer.body += event.data
                if len(answer.body) > LIMIT + _PREFIX.size:
                    raise ValueError(f"an answer of more than {LIMIT} bytes")
                self._http.acknowledge_received_data(
                    event.flow_controlled_length or 0, event.stream_id
                )
            case StreamEnded():
                answer.ended = True
            case StreamReset() | ConnectionTerminated():
                raise ConnectionResetError(f"HTTP/2 error {event.error_code}")


def _message(method: str, body: bytearray) -> memoryview:
    if len(body) < _PREFIX.size:
        raise Unreadable(f"{method}: an answer of {len(body)} bytes")
    compressed, length = _PREFIX.unpack_from(body)
    if compressed or length != len(body) - _PREFIX.size:
        raise Unreadable(f"{method}: an answer that is not one plain message")
    return memoryview(body)[_PREFIX.size :]
