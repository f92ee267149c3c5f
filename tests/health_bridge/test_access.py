"""What each source is shown, whom it is trusted to be, and what no message may contain."""

import logging
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import bcrypt
import pytest

from health_bridge.sources import Endpoint, Prometheus, SourceError
from program import access
from program.errors import ProgramError
from testbed.http import Client, Identity
from testbed.servers import Prometheus as RealPrometheus
from testbed.waiting import PATIENCE, wait_until
from tests.health_bridge.site import Site, bridge
from tests.health_bridge.test_loop import answer_that_says
from tests.health_bridge.test_sources import EMPTY, Handler, answering, server
from tests.program.certificates import Authority

SECRET = "hunter2"
FLAGS = "--prometheus.url or --alertmanager.url"
MUTUAL = "ca_file: authority.pem, cert_file: bridge.crt, key_file: bridge.key"


def config(folder: Path, text: str) -> str:
    file = folder / "http.yaml"
    file.write_text(text, encoding="utf-8")
    return str(file)


def prometheus(path: str, url: str) -> Prometheus:
    ways = access.load(path, [url], FLAGS)
    return Prometheus(Endpoint(url, PATIENCE, access=ways[url]))


def told(got: list[dict[str, list[str]]]) -> Callable[[Handler], None]:
    """Answer with nothing, and keep the headers of each request."""

    def answer(handler: Handler) -> None:
        names = {name.lower() for name in handler.headers}
        got.append({name: handler.headers.get_all(name) or [] for name in names})
        answering(EMPTY)(handler)

    return answer


def test_a_token_file_is_read_anew_and_headers_are_sent(tmp_path: Path) -> None:
    got: list[dict[str, list[str]]] = []
    (tmp_path / "token").write_text("first\n")
    (tmp_path / "tenant").write_text("b")
    with server(told(got)) as url:
        source = prometheus(
            config(
                tmp_path,
                f"""
{url}:
  authorization: {{credentials_file: token}}
  http_headers:
    X-Scope-OrgID: {{values: [a], files: [tenant]}}
    X-Key: {{secrets: [{SECRET}]}}
""",
            ),
            url,
        )
        source.query("up")
        (tmp_path / "token").write_text("second\n")
        source.query("up")

    assert [each["authorization"] for each in got] == [["Bearer first"], ["Bearer second"]]
    assert sorted(", ".join(got[0]["x-scope-orgid"]).split(", ")) == ["a", "b"]
    assert got[0]["x-key"] == [SECRET]


def test_basic_auth_may_come_from_files(tmp_path: Path) -> None:
    got: list[dict[str, list[str]]] = []
    (tmp_path / "password").write_text(f"{SECRET}\n")
    with server(told(got)) as url:
        text = f"{url}: {{basic_auth: {{username: me, password_file: password}}}}"
        prometheus(config(tmp_path, text), url).query("up")

    assert got[0]["authorization"] == ["Basic bWU6aHVudGVyMg=="]


def test_one_sources_credentials_are_shown_to_no_other(tmp_path: Path) -> None:
    got: list[dict[str, list[str]]] = []
    with server(told(got)) as url, server(told(got)) as other:
        text = f"{url}: {{authorization: {{credentials: {SECRET}}}}}"
        ways = access.load(config(tmp_path, text), [url, other], FLAGS)
        Prometheus(Endpoint(other, PATIENCE, access=ways.get(other))).query("up")

    assert "authorization" not in got[0]


@pytest.mark.parametrize("content", [None, b"", b"two\nlines", b"\xff"])
def test_a_token_file_that_goes_bad_puts_the_source_down(
    tmp_path: Path, content: bytes | None
) -> None:
    token = tmp_path / "token"
    token.write_text(SECRET)
    with server(answering(EMPTY)) as url:
        text = f"{url}: {{authorization: {{credentials_file: token}}}}"
        source = prometheus(config(tmp_path, text), url)
        token.unlink() if content is None else token.write_bytes(content)

        with pytest.raises(SourceError, match=r"authorization\.credentials_file .*token: ") as said:
            source.query("up")

    assert url in str(said.value)
    assert "lines" not in str(said.value)


URL = "http://p:9090"
HTTPS = "https://p:9090"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[", "line 1, column 2: this is not YAML"),
        (f"{URL}: *{SECRET}", "this is not YAML"),
        ("- a", "the file: expected a mapping"),
        ("http://q:9090: {}", "http://q:9090: no --prometheus.url or --alertmanager.url names it"),
        (f"http://me:{SECRET}@q: {{}}", "http://q: no --prometheus.url"),
        (f"{URL}: {SECRET}", f"{URL}: expected a mapping"),
        (f"{URL}: {{proxy_url: x}}", f"{URL}: unknown field 'proxy_url': known are authorization,"),
        (f"{URL}: {{authorization: {{}}}}", "authorization: give one of credentials and"),
        (f"{URL}: {{authorization: {{credentials: {SECRET}, credentials_file: f}}}}", "give one"),
        (f"{URL}: {{authorization: {{credentials: 12345}}}}", "credentials: expected a text"),
        (f'{URL}: {{authorization: {{credentials: "{SECRET}\\n"}}}}', "printable ASCII"),
        (f"{URL}: {{authorization: {{type: Basic, credentials: {SECRET}}}}}", "use basic_auth"),
        (f"{URL}: {{authorization: {{credentials_file: absent}}}}", "absent: No such file"),
        (f"{URL}: {{basic_auth: {{username: 'a:b', password: {SECRET}}}}}", "has no colon"),
        (f"{URL}: {{basic_auth: {{username: a}}}}", "give one of password and password_file"),
        (
            f"{URL}: {{authorization: {{credentials: a}}, basic_auth: {{}}}}",
            "give one of authorization, basic_auth and credentials in the URL",
        ),
        (f"{URL}: {{http_headers: {{Host: {{values: [a]}}}}}}", "this header cannot be set"),
        (f"{URL}: {{http_headers: {{'a b': {{values: [a]}}}}}}", "this header cannot be set"),
        (f"{URL}: {{http_headers: {{X: {{}}}}}}", "http_headers.X: give values, secrets or files"),
        (f"{URL}: {{http_headers: {{X: {{values: {SECRET}}}}}}}", "values: expected a list"),
        (f"{URL}: {{tls_config: {{}}}}", "tls_config: the URL is not https"),
        (f"{HTTPS}: {{tls_config: {{ca_file: absent}}}}", "tls_config.ca_file .*absent: No such"),
        (f"{HTTPS}: {{tls_config: {{ca_file: http.yaml}}}}", "no certificate in PEM"),
        (f"{HTTPS}: {{tls_config: {{cert_file: http.yaml}}}}", "cert_file and key_file go"),
        (f"{HTTPS}: {{tls_config: {{min_version: TLS10}}}}", "expected one of TLS12, TLS13"),
        (f"{HTTPS}: {{tls_config: {{min_version: TLS13, max_version: TLS12}}}}", "is below"),
        (f"{HTTPS}: {{tls_config: {{insecure_skip_verify: 1}}}}", "expected true or false"),
        (f"{HTTPS}: {{tls_config: {{server_name: 1}}}}", "server_name: expected a name"),
    ],
)
def test_a_bad_file_is_refused_in_one_line_that_tells_no_secret(
    tmp_path: Path, text: str, words: str
) -> None:
    path = config(tmp_path, text)

    with pytest.raises(ProgramError, match=words) as refused:
        access.load(path, [URL, HTTPS], FLAGS)

    assert str(refused.value).startswith(f"--http.config.file {path}: ")
    assert "\n" not in str(refused.value)
    assert SECRET not in str(refused.value)


def test_credentials_in_url_and_file_are_refused(tmp_path: Path) -> None:
    path = config(tmp_path, f"{URL}: {{authorization: {{credentials: a}}}}")

    with pytest.raises(ProgramError, match="credentials in the URL") as refused:
        access.load(path, [f"http://me:{SECRET}@p:9090"], FLAGS)

    assert SECRET not in str(refused.value)


def test_no_representation_tells_a_secret(tmp_path: Path) -> None:
    path = config(tmp_path, f"{URL}: {{basic_auth: {{username: a, password: {SECRET}}}}}")

    assert SECRET not in repr(access.load(path, [URL], FLAGS))


class Secured(RealPrometheus):
    """A Prometheus that asks for a client certificate and a password."""

    def __init__(self, folder: Path, authority: Authority) -> None:
        self.folder, self.authority = folder, authority
        self.ours, theirs = authority.issue("bridge"), authority.issue("prometheus")
        hashed = bcrypt.hashpw(SECRET.encode(), bcrypt.gensalt(4)).decode()
        web = folder / "web.yaml"
        web.write_text(
            f"""
tls_server_config:
  cert_file: {theirs.cert}
  key_file: {theirs.key}
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: {authority.cert}
basic_auth_users: {{bridge: "{hashed}"}}
"""
        )
        super().__init__("{}", flags=[f"--web.config.file={web}"])

    def is_ready(self) -> bool:
        shows = Identity(ca=self.authority.cert, certificate=self.ours.cert, key=self.ours.key)
        try:
            return Client(self.secured, shows).request("GET", "/-/ready").status == 401
        except OSError:
            return False

    @property
    def secured(self) -> str:
        return self.url.replace("http://", "https://")


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[Secured]:
    with Secured(tmp_path, Authority(tmp_path)) as running:
        yield running


def asked(at: Secured, *, password: str = SECRET, tls: str = MUTUAL) -> Prometheus:
    (at.folder / "password").write_text(password)
    text = f"""
{at.secured}:
  basic_auth: {{username: bridge, password_file: password}}
  tls_config: {{ {tls} }}
"""
    return prometheus(config(at.folder, text), at.secured)


@pytest.mark.cluster
def test_a_real_prometheus_behind_tls_and_a_password_answers(
    secured: Secured, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    source = asked(secured)
    value = source.query("vector(7)")[0].value

    (secured.folder / "password").write_text("wrong")
    with pytest.raises(SourceError, match="HTTP 401"):
        source.query("up")

    with pytest.raises(SourceError, match=r"(?i)certificate|SSL"):
        asked(secured, tls=f"{MUTUAL}, server_name: prometheus.example").query("up")
    with pytest.raises(SourceError, match=r"SSL|Protocol|Connection"):
        asked(secured, tls="ca_file: authority.pem").query("up")
    with pytest.raises(SourceError, match=r"(?i)certificate"):
        asked(secured, tls="cert_file: bridge.crt, key_file: bridge.key").query("up")
    blindly = "insecure_skip_verify: true, cert_file: bridge.crt, key_file: bridge.key"
    unverified = asked(secured, tls=blindly).query("vector(8)")[0].value

    assert (value, unverified) == (7, 8)
    assert SECRET not in caplog.text


@pytest.mark.cluster
def test_renewed_certificates_are_taken_over_and_damaged_ones_are_not(
    secured: Secured, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    source = asked(secured)
    good = (secured.folder / "bridge.crt").read_bytes()
    source.query("up")

    (secured.folder / "bridge.crt").write_bytes(b"half of a certif")
    touched(secured.folder / "bridge.crt")
    source.query("up")
    damaged = caplog.text
    (secured.folder / "bridge.crt").write_bytes(good)
    secured.authority.issue("bridge")
    touched(secured.folder / "bridge.crt")
    value = source.query("vector(9)")[0].value

    assert "TLS files not taken over" in damaged
    assert "TLS files taken over" in caplog.text
    assert value == 9


@pytest.mark.cluster
def test_the_bridge_asks_as_its_file_says(site: Site, secured: Secured) -> None:
    asked(secured)
    up = f'railwatch_bridge_source_up{{kind="prometheus",source="{secured.secured}"}}'
    flags = (
        f"--prometheus.url={secured.secured}",
        f"--http.config.file={secured.folder / 'http.yaml'}",
    )

    with bridge(site, "nobody", *flags, sources=False) as process:
        process.await_ready()
        wait_until(lambda: process.metric(up) == 1)
        (secured.folder / "password").write_text("wrong")
        wait_until(lambda: process.metric(up) == 0)
        answer_that_says(process, "HTTP 401")
        (secured.folder / "password").write_text(SECRET)
        wait_until(lambda: process.metric(up) == 1)
        logged = process.log.read_text(encoding="utf-8")

    assert "source lost" in logged
    assert SECRET not in logged


def touched(file: Path) -> None:
    """Give a file another time, however coarse the file system's clock is."""
    later = time.time() + len(file.read_bytes())
    os.utime(file, (later, later))
