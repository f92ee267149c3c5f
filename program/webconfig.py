"""`--web.config.file`: TLS and basic authentication, in the format of exporter-toolkit."""

import base64
import binascii
import hashlib
import hmac
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bcrypt
import yaml

from program.errors import ProgramError

_CLIENT_AUTH = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
_TLS_KEYS = {"cert_file", "key_file", "client_auth_type", "client_ca_file", "min_version"}
_TOP_KEYS = {"tls_server_config", "basic_auth_users"}
_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}


@dataclass(slots=True)
class WebConfig:
    """How the web server is protected; the default is plain HTTP open to all."""

    tls: ssl.SSLContext | None = None
    users: Mapping[str, str] = field(default_factory=dict)
    """User name → bcrypt hash."""
    _verified: set[bytes] = field(default_factory=set)

    def admits(self, authorization: str) -> bool:
        """Whether an Authorization header names a known user with their password.

        bcrypt is slow on purpose, so each good answer is remembered by a digest.
        """
        if not self.users:
            return True
        user, password = _credentials(authorization)
        wanted = self.users.get(user)
        known = wanted is not None
        wanted = wanted or _NOBODY
        digest = hashlib.sha256(b"\0".join((wanted.encode(), password))).digest()
        if digest in self._verified:
            return True
        good = _check(password, wanted) and known
        if good:
            self._verified.add(digest)
        return good


_NOBODY = "$2b$10$abcdefghijklmnopqrstuuFjyLhOSVZXOaVPqQnzJ3CNBLdTQeEZe"
"""A hash nobody's password has: an unknown user costs as long as a wrong password."""


def _check(password: bytes, wanted: str) -> bool:
    try:
        return bcrypt.checkpw(password[:72], wanted.encode())
    except ValueError:
        return hmac.compare_digest(b"a", b"b")


def _credentials(header: str) -> tuple[str, bytes]:
    kind, _, encoded = header.partition(" ")
    if kind.lower() != "basic":
        return "", b""
    try:
        raw = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return "", b""
    user, _, password = raw.partition(b":")
    return user.decode("utf-8", "replace"), password


def load(path: str) -> WebConfig:
    """Read a web configuration file; ProgramError names the file and what is wrong in it."""
    if not path:
        return WebConfig()
    try:
        document = yaml.safe_load(Path(path).read_text(encoding="utf-8")) or {}
        return _build(document, Path(path).parent)
    except (OSError, ssl.SSLError, yaml.YAMLError, ValueError) as error:
        raise ProgramError(f"--web.config.file {path}: {error}") from None


def _build(document: object, folder: Path) -> WebConfig:
    top = _section(document, _TOP_KEYS, "the file")
    users = _section(top.get("basic_auth_users"), None, "basic_auth_users")
    for user, hashed in users.items():
        if not (isinstance(hashed, str) and hashed.startswith("$2")):
            raise ValueError(f"basic_auth_users: {user}: not a bcrypt hash")
    tls = _section(top.get("tls_server_config"), _TLS_KEYS, "tls_server_config")
    return WebConfig(tls=_context(tls, folder) if tls else None, users=users)


def _section(value: object, known: set[str] | None, name: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError(f"{name}: expected a mapping")  # noqa: TRY004 - the user's error, not ours
    unknown = [str(k) for k in value if known is not None and k not in known]
    if unknown:
        raise ValueError(f"{name}: unknown field {unknown[0]!r}")
    return {str(k): v for k, v in value.items()}


def _context(tls: Mapping[str, Any], folder: Path) -> ssl.SSLContext:
    for name in ("cert_file", "key_file"):
        if not tls.get(name):
            raise ValueError(f"tls_server_config: {name} is missing")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _choice(tls, "min_version", _VERSIONS, "TLS12")
    context.load_cert_chain(folder / tls["cert_file"], folder / tls["key_file"])
    if tls.get("client_ca_file"):
        context.load_verify_locations(folder / tls["client_ca_file"])
    context.verify_mode = _choice(tls, "client_auth_type", _CLIENT_AUTH, "NoClientCert")
    if context.verify_mode is not ssl.CERT_NONE and not tls.get("client_ca_file"):
        raise ValueError("tls_server_config: client_auth_type needs client_ca_file")
    return context


def _choice(tls: Mapping[str, Any], name: str, values: Mapping[str, Any], default: str) -> Any:
    text = tls.get(name, default)
    if text not in values:
        raise ValueError(f"tls_server_config: {name}: expected one of {', '.join(values)}")
    return values[text]
