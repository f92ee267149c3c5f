"""`--web.config.file`: TLS and basic authentication, in the format of exporter-toolkit."""

import base64
import binascii
import hashlib
import logging
import re
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from program.errors import ProgramError

_CLIENT_AUTH = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
_TLS_KEYS = (
    "cert_file", "key_file", "client_auth_type", "client_ca_file", "min_version", "max_version",
)  # fmt: skip
_TOP_KEYS = ("tls_server_config", "basic_auth_users")
_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
_BCRYPT = re.compile(r"\$2[abxy]?\$\d\d\$[./A-Za-z0-9]{53}")
_LONGEST_PASSWORD = 72
"""bcrypt looks at no more bytes."""

log = logging.getLogger(__name__)


class Tls:
    """The server's certificate and demands on clients, read anew when a file changes.

    Certificates are renewed while programs run. A renewal that cannot be used is logged, and the
    certificate before it goes on being served.
    """

    def __init__(self, settings: Mapping[str, Any], folder: Path) -> None:
        """Read the files; ValueError names the setting that cannot be used."""
        self._settings = settings
        self._folder = folder
        self._stamp = self._changed()
        self._context = _context(settings, folder)

    def context(self) -> ssl.SSLContext:
        """Return the context for a new connection."""
        stamp = self._changed()
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._context = _context(self._settings, self._folder)
            except ValueError as error:
                log.error("TLS files not taken over", extra={"error": str(error)})  # noqa: TRY400 - the message says it all
            else:
                log.info("TLS files taken over")
        return self._context

    def _changed(self) -> tuple[tuple[str, int, int], ...]:
        found = []
        for name in ("cert_file", "key_file", "client_ca_file"):
            path = self._folder / str(self._settings.get(name) or "")
            if path.is_file():
                stat = path.stat()
                found.append((name, stat.st_mtime_ns, stat.st_ino))
        return tuple(found)


@dataclass(slots=True)
class WebConfig:
    """How the web server is protected; the default is plain HTTP open to all."""

    tls: Tls | None = None
    users: Mapping[str, str] = field(default_factory=dict)
    """User name → bcrypt hash."""
    _verified: set[bytes] = field(default_factory=set)
    _checking: threading.Lock = field(default_factory=threading.Lock)

    def admits(self, authorization: str) -> bool:
        """Whether an Authorization header names a known user with their password.

        bcrypt is slow on purpose, so each good answer is remembered by a digest, and one password
        is checked at a time: guessing takes no more than one core from the node.
        """
        if not self.users:
            return True
        user, password = _credentials(authorization)
        known = user in self.users
        wanted = self.users.get(user, _NOBODY)
        digest = hashlib.sha256(b"\0".join((wanted.encode(), password))).digest()
        if digest in self._verified:
            return True
        import bcrypt  # noqa: PLC0415 - its memory is only for those who have users

        with self._checking:
            good = bcrypt.checkpw(password[:_LONGEST_PASSWORD], wanted.encode()) and known
        if good:
            self._verified.add(digest)
        return good


_NOBODY = "$2b$10$abcdefghijklmnopqrstuuFjyLhOSVZXOaVPqQnzJ3CNBLdTQeEZe"
"""A hash nobody's password has: an unknown user costs as long as a wrong password."""


def _credentials(header: str) -> tuple[str, bytes]:
    kind, _, encoded = header.partition(" ")
    if kind.lower() != "basic":
        return "", b""
    try:
        raw = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return "", b""
    user, _, password = raw.partition(b":")
    if b"\0" in password:  # bcrypt refuses it, so nobody has such a password
        return "", b""
    return user.decode("utf-8", "replace"), password


def load(path: str) -> WebConfig:
    """Read a web configuration file; ProgramError names the file and what is wrong in it.

    Relative paths in it start from its folder.
    """
    if not path:
        return WebConfig()
    import yaml  # noqa: PLC0415 - its memory is only for those who name a file

    try:
        document = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        return _build(document, Path(path).parent)
    except OSError as error:
        raise ProgramError(f"--web.config.file {path}: {error.strerror or error}") from None
    except (yaml.YAMLError, ValueError) as error:
        raise ProgramError(f"--web.config.file {path}: {error}") from None


def _build(document: object, folder: Path) -> WebConfig:
    top = _section(document, "the file", _TOP_KEYS)
    users = _section(top.get("basic_auth_users"), "basic_auth_users")
    for user, hashed in users.items():
        if not (isinstance(hashed, str) and _BCRYPT.fullmatch(hashed)):
            raise ValueError(
                f"basic_auth_users: {user}: not a bcrypt hash, as `htpasswd -nB` makes one"
            )
    tls = _section(top.get("tls_server_config"), "tls_server_config", _TLS_KEYS)
    return WebConfig(tls=Tls(tls, folder) if tls else None, users=users)


def _section(value: object, name: str, known: tuple[str, ...] | None = None) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError(f"{name}: expected a mapping")  # noqa: TRY004 - the user's error, not ours
    unknown = [str(k) for k in value if known is not None and k not in known]
    if unknown:
        raise ValueError(
            f"{name}: unknown field {unknown[0]!r}: known are {', '.join(known or ())}"
        )
    return {str(k): v for k, v in value.items()}


def _context(tls: Mapping[str, Any], folder: Path) -> ssl.SSLContext:
    cert, key = _readable(tls, folder, "cert_file"), _readable(tls, folder, "key_file")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _choice(tls, "min_version", _VERSIONS, "TLS12")
    context.maximum_version = _choice(tls, "max_version", _VERSIONS, "TLS13")
    if context.maximum_version < context.minimum_version:
        raise ValueError("tls_server_config: max_version is below min_version")
    try:
        context.load_cert_chain(cert, key, password=_encrypted)
    except (ssl.SSLError, OSError) as error:
        raise ValueError(
            f"tls_server_config: cert_file {cert} and key_file {key} are no certificate with its "
            f"key, in PEM: {error}"
        ) from None
    _demand(context, tls, folder)
    return context


def _demand(context: ssl.SSLContext, tls: Mapping[str, Any], folder: Path) -> None:
    """Ask clients for certificates as the file says."""
    context.verify_mode = _choice(tls, "client_auth_type", _CLIENT_AUTH, "NoClientCert")
    if tls.get("client_ca_file"):
        authorities = _readable(tls, folder, "client_ca_file")
        try:
            context.load_verify_locations(authorities)
        except (ssl.SSLError, OSError) as error:
            raise ValueError(
                f"tls_server_config: client_ca_file {authorities}: no certificate in PEM: {error}"
            ) from None
    elif context.verify_mode is not ssl.CERT_NONE:
        raise ValueError("tls_server_config: client_auth_type needs client_ca_file")


def _readable(tls: Mapping[str, Any], folder: Path, name: str) -> Path:
    """Return a file's path; OpenSSL's own error would not name the file."""
    if not (isinstance(tls.get(name), str) and tls[name]):
        raise ValueError(f"tls_server_config: {name} is missing")
    path = folder / str(tls[name])
    try:
        path.read_bytes()
    except OSError as error:
        raise ValueError(f"tls_server_config: {name} {path}: {error.strerror}") from None
    return path


def _encrypted() -> NoReturn:
    """Refuse a key with a pass phrase, for which OpenSSL would ask at the terminal."""
    raise ValueError("tls_server_config: key_file is encrypted; give it without a pass phrase")


def _choice(tls: Mapping[str, Any], name: str, values: Mapping[str, Any], default: str) -> Any:
    text = tls.get(name, default)
    if not isinstance(text, str) or text not in values:
        raise ValueError(f"tls_server_config: {name}: expected one of {', '.join(values)}")
    return values[text]
