"""`--web.config.file`: what exporter-toolkit's users write works, what is wrong is named."""

import base64
import time
from pathlib import Path

import bcrypt
import pytest

from program.errors import ProgramError
from program.webconfig import _NOBODY, WebConfig, load
from tests.program.certificates import Authority, Identity


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return Authority(tmp_path_factory.mktemp("tls")).issue("server")


def hashed(password: str) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()


def basic(user: str, password: str | bytes) -> str:
    raw = password if isinstance(password, bytes) else password.encode()
    return "Basic " + base64.b64encode(user.encode() + b":" + raw).decode()


def write(folder: Path, text: str) -> str:
    path = folder / "web.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_without_a_file_all_are_admitted_and_there_is_no_tls() -> None:
    config = load("")

    assert config.tls is None
    assert config.admits("")


def test_an_empty_file_is_as_none(tmp_path: Path) -> None:
    assert load(write(tmp_path, "")).admits("")


@pytest.mark.parametrize("prefix", ["$2b$", "$2y$", "$2a$"])
def test_a_user_is_admitted_with_their_password_only(tmp_path: Path, prefix: str) -> None:
    made = hashed("secret").replace("$2b$", prefix)
    config = load(write(tmp_path, f"basic_auth_users: {{prom: '{made}'}}"))

    assert config.admits(basic("prom", "secret"))
    assert config.admits(basic("prom", "secret").replace("Basic", "basic"))
    for wrong in (
        "", "Bearer secret", "Basic", "Basic !!!", "Basic c2VjcmV0", basic("prom", "Secret"),
        basic("prom", ""), basic("other", "secret"), basic("", "secret"), basic("prom", b"\0"),
        basic("prom", b"\xff\xfe"),
    ):  # fmt: skip
        assert not config.admits(wrong)


def test_a_password_longer_than_bcrypt_reads_is_still_one(tmp_path: Path) -> None:
    long = "x" * 100
    made = bcrypt.hashpw(long.encode()[:72], bcrypt.gensalt(4)).decode()
    config = load(write(tmp_path, f"basic_auth_users: {{prom: '{made}'}}"))

    assert config.admits(basic("prom", long))


def test_a_good_password_costs_bcrypt_once(monkeypatch: pytest.MonkeyPatch) -> None:
    config = WebConfig(users={"prom": hashed("secret")})
    assert config.admits(basic("prom", "secret"))

    monkeypatch.setattr(bcrypt, "checkpw", lambda *_: pytest.fail("asked again"))

    assert config.admits(basic("prom", "secret"))


def test_one_users_remembered_password_opens_nothing_for_another() -> None:
    config = WebConfig(users={"a": hashed("one"), "b": hashed("two")})
    assert config.admits(basic("a", "one"))

    assert not config.admits(basic("b", "one"))
    assert not config.admits(basic("c", "one"))


def test_an_unknown_user_costs_as_long_as_a_wrong_password() -> None:
    config = WebConfig(users={"prom": bcrypt.hashpw(b"x", bcrypt.gensalt(10)).decode()})

    def seconds(user: str) -> float:
        """Return the processor time that it takes, whatever else the machine does."""
        started = time.thread_time()
        assert not config.admits(basic(user, "wrong"))
        return time.thread_time() - started

    assert _NOBODY.startswith("$2b$10$")
    assert (
        0.2 < min(seconds("nobody") for _ in range(3)) / min(seconds("prom") for _ in range(3)) < 5
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[1]", "the file: expected a mapping"),
        ("tls: {}", "the file: unknown field 'tls': known are tls_server_config, basic"),
        ("tls_server_config: {cert: a}", "unknown field 'cert': known are cert_file"),
        ("tls_server_config: yes", "tls_server_config: expected a mapping"),
        ("basic_auth_users: {prom: secret}", "basic_auth_users: prom: not a bcrypt hash"),
        ("basic_auth_users: {prom: $2b$10$short}", "not a bcrypt hash, as `htpasswd -nB`"),
        ("basic_auth_users: {prom: 7}", "not a bcrypt hash"),
        ("a: [", "while parsing a flow"),
        ("tls_server_config: {cert_file: a.pem}", r"cert_file .*a\.pem: No such file"),
        ("tls_server_config: {key_file: a.pem}", "cert_file is missing"),
        ("tls_server_config: {cert_file: 7}", "cert_file is missing"),
    ],
)
def test_a_bad_file_is_refused_and_what_is_wrong_is_named(
    tmp_path: Path, text: str, words: str
) -> None:
    path = write(tmp_path, text)

    with pytest.raises(ProgramError, match=words) as refused:
        load(path)

    assert str(refused.value).startswith(f"--web.config.file {path}: ")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProgramError, match=r"--web\.config\.file .*/none: No such file"):
        load(str(tmp_path / "none"))


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "web.yaml").write_bytes(b"\xff\xfe\x00")

    with pytest.raises(ProgramError, match="can't decode"):
        load(str(tmp_path / "web.yaml"))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("min_version: TLS11", "min_version: expected one of TLS12, TLS13"),
        ("min_version: 13", "min_version: expected one of"),
        ("{min_version: TLS13, max_version: TLS12}", "max_version is below min_version"),
        ("client_auth_type: Ask", "client_auth_type: expected one of NoClientCert"),
        ("client_auth_type: RequireAndVerifyClientCert", "needs client_ca_file"),
        ("client_ca_file: none.pem", r"client_ca_file .*none\.pem: No such file"),
        ("client_ca_file: web.yaml", r"client_ca_file .*: no certificate in PEM"),
    ],
)
def test_a_bad_tls_setting_is_named(
    tmp_path: Path, server: Identity, more: str, words: str
) -> None:
    settings = more.strip("{}").replace(", ", "\n  ")
    text = f"tls_server_config:\n  cert_file: {server.cert}\n  key_file: {server.key}\n  {settings}"

    with pytest.raises(ProgramError, match=words):
        load(write(tmp_path, text))


def test_a_key_that_does_not_fit_is_refused_by_name(tmp_path: Path, server: Identity) -> None:
    other = Authority(tmp_path).issue("other")
    text = f"tls_server_config: {{cert_file: {server.cert}, key_file: {other.key}}}"

    with pytest.raises(ProgramError, match=r"cert_file .* and key_file .*other\.key"):
        load(write(tmp_path, text))


def test_an_encrypted_key_is_refused_instead_of_asking_at_the_terminal(tmp_path: Path) -> None:
    locked = Authority(tmp_path).issue("locked", passphrase=b"secret")
    text = f"tls_server_config: {{cert_file: {locked.cert}, key_file: {locked.key}}}"

    with pytest.raises(ProgramError, match="key_file is encrypted"):
        load(write(tmp_path, text))


def test_relative_paths_start_from_the_files_folder(tmp_path: Path) -> None:
    Authority(tmp_path).issue("server")

    config = load(
        write(tmp_path, "tls_server_config: {cert_file: server.crt, key_file: server.key}")
    )

    assert config.tls is not None
