"""`tls_config` of a source: whom to trust, what to show, read anew when a file changes.

Certificates are renewed while programs run. A renewal that cannot be used is logged, and what was
read before it goes on being used.
"""

import logging
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import urllib3

TLS_KEYS = (
    "ca_file", "cert_file", "key_file", "server_name", "insecure_skip_verify",
    "min_version", "max_version",
)  # fmt: skip

_FILES = ("ca_file", "cert_file", "key_file")
_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}

log = logging.getLogger(__name__)


class ClientTls:
    """One source's TLS settings."""

    def __init__(self, settings: Mapping[str, Any], folder: Path) -> None:
        """Read the files; ValueError names the setting that cannot be used."""
        self._settings = settings
        self._files = {name: _file(settings, name, folder) for name in _FILES if name in settings}
        if ("cert_file" in self._files) != ("key_file" in self._files):
            raise ValueError("tls_config: cert_file and key_file go together")
        self._server_name = _server_name(settings)
        self._stamp = self._changed()
        self._context = self._read()

    @property
    def server_name(self) -> str | None:
        """The name that the server's certificate must have, None for the URL's host."""
        return self._server_name

    def context(self) -> ssl.SSLContext:
        """Return the context for new connections; another object once a file has changed."""
        stamp = self._changed()
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._context = self._read()
            except ValueError as error:
                log.error("TLS files not taken over", extra={"error": str(error)})  # noqa: TRY400 - the message says it all
            else:
                log.info("TLS files taken over", extra={"files": [*map(str, self._files.values())]})
        return self._context

    def _changed(self) -> tuple[tuple[int, int], ...]:
        found = []
        for path in self._files.values():
            if path.is_file():
                stat = path.stat()
                found.append((stat.st_mtime_ns, stat.st_ino))
        return tuple(found)

    def _read(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = _version(self._settings, "min_version", "TLS12")
        context.maximum_version = _version(self._settings, "max_version", "TLS13")
        if context.maximum_version < context.minimum_version:
            raise ValueError("tls_config: max_version is below min_version")
        if _is_insecure(self._settings):
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            # The owner has said so; the library would warn at every request.
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        _trust(context, self._files.get("ca_file"))
        if "cert_file" in self._files:
            _show(context, self._files["cert_file"], self._files["key_file"])
        return context


def _file(settings: Mapping[str, Any], name: str, folder: Path) -> Path:
    if not isinstance(settings[name], str) or not settings[name]:
        raise ValueError(f"tls_config.{name}: expected the name of a file")
    path = folder / str(settings[name])
    try:
        path.read_bytes()
    except OSError as error:
        raise ValueError(f"tls_config.{name} {path}: {error.strerror or error}") from None
    return path


def _server_name(settings: Mapping[str, Any]) -> str | None:
    name = settings.get("server_name")
    if name is not None and (not isinstance(name, str) or not name):
        raise ValueError("tls_config.server_name: expected a name")
    return name


def _version(settings: Mapping[str, Any], name: str, default: str) -> ssl.TLSVersion:
    text = settings.get(name, default)
    if not isinstance(text, str) or text not in _VERSIONS:
        raise ValueError(f"tls_config.{name}: expected one of {', '.join(_VERSIONS)}")
    return _VERSIONS[text]


def _is_insecure(settings: Mapping[str, Any]) -> bool:
    value = settings.get("insecure_skip_verify", False)
    if not isinstance(value, bool):
        raise ValueError("tls_config.insecure_skip_verify: expected true or false")  # noqa: TRY004 - the user's error
    return value


def _trust(context: ssl.SSLContext, authorities: Path | None) -> None:
    """Trust these authorities alone; those of the system where none are given."""
    if authorities is None:
        context.load_default_certs()
        return
    try:
        context.load_verify_locations(authorities)
    except (ssl.SSLError, OSError) as error:
        raise ValueError(
            f"tls_config.ca_file {authorities}: no certificate in PEM: {error}"
        ) from None


def _show(context: ssl.SSLContext, cert: Path, key: Path) -> None:
    try:
        context.load_cert_chain(cert, key, password=_encrypted)
    except (ssl.SSLError, OSError) as error:
        raise ValueError(
            f"tls_config: cert_file {cert} and key_file {key} are no certificate with its key, "
            f"in PEM: {error}"
        ) from None


def _encrypted() -> NoReturn:
    """Refuse a key with a pass phrase, for which OpenSSL would ask at the terminal."""
    raise ValueError("tls_config.key_file is encrypted; give it without a pass phrase")
