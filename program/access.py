"""`--http.config.file`: what each source is shown and whom it is trusted to be.

The file maps a source's URL to settings in the words of Prometheus' own `http_config`. Credentials
belong to one source: what one is shown, no other sees. Files that it names are read anew as they
change; no message ever contains what is in one.
"""

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import yaml

from program.client_tls import TLS_KEYS, ClientTls
from program.errors import ProgramError

FLAG = "--http.config.file"

_KEYS = ("authorization", "basic_auth", "tls_config", "http_headers")
_AUTHORIZATION = ("type", "credentials", "credentials_file")
_BASIC = ("username", "username_file", "password", "password_file")
_HEADER = ("values", "secrets", "files")
_TOKEN = re.compile(r"[-!#$%&'*+.^_`|~0-9A-Za-z]+")
_RESERVED = frozenset(
    {
        "accept", "accept-encoding", "authorization", "connection", "content-encoding",
        "content-length", "content-type", "host", "keep-alive", "proxy-authenticate",
        "proxy-authorization", "transfer-encoding", "user-agent", "www-authenticate",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A text that stands in the configuration, or in a file that is read at each use."""

    where: str
    """The field that gives it, for messages."""
    text: str = field(default="", repr=False)
    path: Path | None = None

    def read(self) -> str:
        """Return the text without surrounding space; ValueError where the file has none."""
        if self.path is None:
            return self.text
        try:
            text = self.path.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ValueError(f"{self.where} {self.path}: {error.strerror or error}") from None
        except UnicodeDecodeError:
            raise ValueError(f"{self.where} {self.path}: it is not text") from None
        if not text:
            raise ValueError(f"{self.where} {self.path}: the file is empty")
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How one source is asked."""

    bearer: tuple[str, Secret] | None = None
    """Scheme and credentials of the Authorization header."""
    basic: tuple[Secret, Secret] | None = None
    """User name and password."""
    extra: tuple[tuple[str, Secret], ...] = ()
    """Further headers; one name may be there several times."""
    tls: ClientTls | None = None

    def headers(self) -> Iterator[tuple[str, str]]:
        """Yield the headers as the files are now; ValueError names a field that has no sense."""
        if self.bearer is not None:
            scheme, secret = self.bearer
            yield "Authorization", f"{scheme} {_printable(secret)}"
        if self.basic is not None:
            pair = ":".join(secret.read() for secret in self.basic)
            yield "Authorization", f"Basic {base64.b64encode(pair.encode()).decode()}"
        for name, secret in self.extra:
            yield name, _printable(secret)


def _printable(secret: Secret) -> str:
    """Return a header's value; the HTTP library would refuse others, and quote them."""
    text = secret.read()
    if not (text.isascii() and text.isprintable()):
        at = f" {secret.path}" if secret.path else ""
        raise ValueError(f"{secret.where}{at}: not one line of printable ASCII")
    return text


def shown(url: str) -> str:
    """Return a source's name: its URL without credentials."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def load(path: str, urls: Iterable[str], flags: str) -> dict[str, Access]:
    """Return how each source of the file is asked, by its name; none for an empty path.

    `urls` are the sources that there are, and `flags` those that name them. Relative paths start
    from the file's folder. ProgramError names the file, the source and the field; every file that
    it names must be readable.
    """
    if not path:
        return {}
    known = {shown(url): url for url in urls}
    try:
        document = _document(Path(path))
        return {
            name: _in_source(name, section, known[name], Path(path).parent)
            for name, section in _named(document, known, flags)
        }
    except ValueError as error:
        raise ProgramError(f"{FLAG} {path}: {error}") from None


def _document(path: Path) -> dict[str, Any]:
    try:
        with path.open(encoding="utf-8") as stream:
            return _section(yaml.safe_load(stream), "the file")
    except OSError as error:
        raise ValueError(error.strerror or str(error)) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise ValueError(f"{at}this is not YAML") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError):
        raise ValueError("this is not YAML") from None


def _named(
    document: Mapping[str, Any], known: Mapping[str, str], flags: str
) -> Iterator[tuple[str, object]]:
    for url, section in document.items():
        name = url.rstrip("/")
        if name not in known:
            raise ValueError(f"{shown(name)}: no {flags} names it")
        yield name, section


def _in_source(name: str, section: object, url: str, folder: Path) -> Access:
    try:
        return _access(_section(section, "", _KEYS), url, folder)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _access(told: Mapping[str, Any], url: str, folder: Path) -> Access:
    parts = urlsplit(url)
    ways = [each for each in ("authorization", "basic_auth") if each in told]
    if len(ways) + (parts.username is not None) > 1:
        raise ValueError("give one of authorization, basic_auth and credentials in the URL")
    if "tls_config" in told and parts.scheme != "https":
        raise ValueError("tls_config: the URL is not https")
    access = Access(
        bearer=_bearer(told["authorization"], folder) if "authorization" in told else None,
        basic=_basic(told["basic_auth"], folder) if "basic_auth" in told else None,
        extra=tuple(_extra(_section(told.get("http_headers"), "http_headers"), folder)),
        tls=_tls(told["tls_config"], folder) if "tls_config" in told else None,
    )
    for _ in access.headers():
        pass
    return access


def _bearer(value: object, folder: Path) -> tuple[str, Secret]:
    told = _section(value, "authorization", _AUTHORIZATION)
    scheme = _text(told.get("type", "Bearer"), "authorization.type")
    if not _TOKEN.fullmatch(scheme) or scheme.lower() == "basic":
        raise ValueError("authorization.type: no scheme such as Bearer; for Basic use basic_auth")
    return scheme, _secret(told, "authorization", "credentials", folder)


def _basic(value: object, folder: Path) -> tuple[Secret, Secret]:
    told = _section(value, "basic_auth", _BASIC)
    user = _secret(told, "basic_auth", "username", folder)
    if ":" in user.read():
        raise ValueError(f"{user.where}: a user name has no colon")
    return user, _secret(told, "basic_auth", "password", folder)


def _secret(told: Mapping[str, Any], where: str, name: str, folder: Path) -> Secret:
    given = [each for each in (name, f"{name}_file") if told.get(each) is not None]
    if len(given) != 1:
        raise ValueError(f"{where}: give one of {name} and {name}_file")
    at = f"{where}.{given[0]}"
    text = _text(told[given[0]], at)
    if given[0] == name:
        return Secret(where=at, text=text)
    return Secret(where=at, path=folder / text)


def _extra(told: Mapping[str, Any], folder: Path) -> Iterator[tuple[str, Secret]]:
    for name, value in told.items():
        where = f"http_headers.{name}"
        if not _TOKEN.fullmatch(name) or name.lower() in _RESERVED:
            raise ValueError(f"{where}: this header cannot be set")
        section = _section(value, where, _HEADER)
        if not any(section.values()):
            raise ValueError(f"{where}: give values, secrets or files")
        for kind, texts in section.items():
            at = f"{where}.{kind}"
            if not isinstance(texts, list):
                raise ValueError(f"{at}: expected a list")  # noqa: TRY004 - the user's error
            for text in (_text(each, at) for each in texts):
                in_file = kind == "files"
                secret = Secret(where=at, path=folder / text) if in_file else None
                yield name, secret or Secret(where=at, text=text)


def _tls(value: object, folder: Path) -> ClientTls:
    return ClientTls(_section(value, "tls_config", TLS_KEYS), folder)


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{where}: expected a text, in quotes where YAML sees something else")
    return value


def _section(value: object, where: str, known: tuple[str, ...] | None = None) -> dict[str, Any]:
    at = f"{where}: " if where else ""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError(f"{at}expected a mapping")  # noqa: TRY004 - the user's error, not ours
    unknown = [str(key) for key in value if known is not None and key not in known]
    if unknown:
        raise ValueError(f"{at}unknown field {unknown[0]!r}: known are {', '.join(known or ())}")
    return {str(key): each for key, each in value.items()}
