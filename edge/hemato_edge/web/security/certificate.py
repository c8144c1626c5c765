"""TLS on a LAN without anybody else: an authority of our own, and a certificate for this machine's names from it.

The authority's certificate can be put into a phone once; its fingerprint stands in the terminal, so that it can be
compared. The private keys never leave the folder.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from hemato_edge.web.security.access import WebError
from hemato_edge.web.security.private_file import write_private

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.hashes import SHA256

AUTHORITY_FOR = timedelta(days=3650)
CERTIFICATE_FOR = timedelta(days=365)
"""Browsers take no longer ones; it is made anew at a start in its last month."""
RENEWED_BEFORE = timedelta(days=30)
_BACK = timedelta(days=1)
"""A Pi's clock may be a little behind a phone's."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """The files that the server reads.

    Attributes:
        chain, key: PEM files.
        authority: PEM file to put into a phone.
        fingerprint: SHA-256 of the authority's certificate, in pairs of hexadecimal digits.
        ends: when the certificate is good no more.
    """

    chain: Path
    key: Path
    authority: Path
    fingerprint: str
    ends: datetime


def certificate_for(folder: Path, names: Iterable[str], now: datetime | None = None) -> Certificate:
    """The certificate in `folder`, made anew where it is missing, about to end, or does not have these names.

    Args:
        folder: ours alone.
        names: host names and addresses.
        now: the time; None: the clock's.

    Raises:
        WebError: a file cannot be read or written.
    """
    from cryptography import x509

    now = now or datetime.now(timezone.utc)
    chain, key = folder / "certificate.pem", folder / "certificate.key"
    wanted = sorted(set(names))
    try:
        authority, authority_key = _authority(folder, now)
        fresh = chain.exists() and key.exists()
        if fresh:
            leaf = x509.load_pem_x509_certificate(chain.read_bytes())
            fresh = (
                leaf.not_valid_after_utc - now > RENEWED_BEFORE
                and leaf.issuer == authority.subject
                and _names(leaf) == wanted
            )
        if not fresh:
            _make_leaf(folder, wanted, authority, authority_key, now)
        leaf = x509.load_pem_x509_certificate(chain.read_bytes())
    except (OSError, ValueError) as error:
        raise WebError(
            f"The certificate in {folder} cannot be read: {error}.", "Move its .pem and .key files aside."
        ) from error
    return Certificate(chain, key, folder / "authority.pem", fingerprint_of(authority), leaf.not_valid_after_utc)


def fingerprint_of(certificate: x509.Certificate) -> str:
    """SHA-256 of a certificate, as browsers show it."""
    from cryptography.hazmat.primitives import hashes

    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def _authority(folder: Path, now: datetime) -> tuple[x509.Certificate, EllipticCurvePrivateKey]:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

    file, key_file = folder / "authority.pem", folder / "authority.key"
    if file.exists() and key_file.exists():
        found = x509.load_pem_x509_certificate(file.read_bytes())
        key = load_pem_private_key(key_file.read_bytes(), None)
        if found.not_valid_after_utc - now > CERTIFICATE_FOR and isinstance(key, ec.EllipticCurvePrivateKey):
            return found, key
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _subject(f"hemato-edge authority {now:%Y-%m-%d %H:%M}")
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACK)
        .not_valid_after(now + AUTHORITY_FOR)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, _sha256())
    )
    write_private(key_file, _pem(key))
    write_private(file, made.public_bytes(Encoding.PEM))
    return made, key


def _make_leaf(
    folder: Path, names: list[str], authority: x509.Certificate, signer: EllipticCurvePrivateKey, now: datetime
) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509.oid import ExtendedKeyUsageOID

    key = ec.generate_private_key(ec.SECP256R1())
    made = (
        x509.CertificateBuilder()
        .subject_name(_subject("hemato-edge"))
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACK)
        .not_valid_after(now + CERTIFICATE_FOR)
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .sign(signer, _sha256())
    )
    write_private(folder / "certificate.key", _pem(key))
    write_private(folder / "certificate.pem", made.public_bytes(Encoding.PEM) + authority.public_bytes(Encoding.PEM))


def _names(certificate: x509.Certificate) -> list[str]:
    from cryptography import x509

    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return sorted(str(one.value) for one in found)


def _general(name: str) -> x509.GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _subject(name: str) -> x509.Name:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _sha256() -> SHA256:
    from cryptography.hazmat.primitives import hashes

    return hashes.SHA256()


def _pem(key: EllipticCurvePrivateKey) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
