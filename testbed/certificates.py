"""A certificate authority for one cluster: real TLS, and a user of any name without a restart."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_VALID = timedelta(days=7)
_SKEW = timedelta(hours=1)
_SERVED_NAMES = ("localhost", "kubernetes.default.svc")
_SERVED_ADDRESSES = ("127.0.0.1", "10.96.0.1")
"""The second is the Service `kubernetes`, the first address of the API server's Services."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """Where a certificate and its private key lie, as PEM."""

    certificate: Path
    key: Path


class Authority:
    """Signs the certificates of one server and its clients."""

    def __init__(self, directory: Path) -> None:
        """Make a new authority that writes into `directory`."""
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("railwatch testbed", ())
        own = self._builder(self._name, self._key.public_key())
        own = own.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        own = own.add_extension(_usage(signs_certificates=True), critical=True)
        self.ca = directory / "ca.crt"
        self._write_certificate(self.ca, own)

    def server(self, name: str) -> Certificate:
        """Return a certificate for a server on 127.0.0.1, and for pods that reach it."""
        names = [x509.DNSName(served) for served in _SERVED_NAMES]
        addresses = [x509.IPAddress(IPv4Address(served)) for served in _SERVED_ADDRESSES]
        served = x509.SubjectAlternativeName([*names, *addresses])
        return self._issue(name, (), ExtendedKeyUsageOID.SERVER_AUTH, served)

    def client(self, user: str, groups: tuple[str, ...] = ()) -> Certificate:
        """Return a certificate that Kubernetes reads as this user in these groups."""
        return self._issue(user, groups, ExtendedKeyUsageOID.CLIENT_AUTH, None)

    def _issue(
        self,
        name: str,
        organizations: tuple[str, ...],
        purpose: x509.ObjectIdentifier,
        served: x509.SubjectAlternativeName | None,
    ) -> Certificate:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(_name(name, organizations), key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), True)  # noqa: FBT003 - its own signature
        builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        if served is not None:
            builder = builder.add_extension(served, critical=False)
        stem = self._directory / file_name(name, organizations)
        made = Certificate(
            certificate=stem.with_name(f"{stem.name}.crt"), key=stem.with_name(f"{stem.name}.key")
        )
        self._write_certificate(made.certificate, builder)
        write_key(made.key, key)
        return made

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        own_key = self._key.public_key()
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _SKEW)
            .not_valid_after(now + _VALID)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(own_key), critical=False
            )
        )

    def _write_certificate(self, path: Path, builder: x509.CertificateBuilder) -> None:
        signed = builder.sign(self._key, hashes.SHA256())
        path.write_bytes(signed.public_bytes(serialization.Encoding.PEM))


def new_key() -> ec.EllipticCurvePrivateKey:
    """Return a new private key."""
    return ec.generate_private_key(ec.SECP256R1())


def write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    """Write a private key as PEM, for its owner's eyes."""
    path.touch(mode=0o600)
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,  # what Kubernetes reads
            serialization.NoEncryption(),
        )
    )


def file_name(name: str, organizations: tuple[str, ...]) -> str:
    """Return a file's stem for a user in groups: `system:node:a` becomes `system-node-a`."""
    return "-".join(re.sub(r"[^A-Za-z0-9.-]+", "-", part) for part in (name, *organizations))


def _name(common: str, organizations: tuple[str, ...]) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, each) for each in organizations]
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
