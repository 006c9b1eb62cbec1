"""Make the certificates of chatlab/lab/practice_certificates anew: python tests/make_certificates.py

Was run once, and need not be run again before 2126. Wants the package cryptography, which comes with trustme.
"""

from __future__ import annotations

import ipaddress
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PLACE = Path(__file__).resolve().parents[1] / "chatlab" / "lab" / "practice_certificates"
BEGIN, END = datetime(2020, 1, 1), datetime(2126, 1, 1)
EXPIRED = datetime(2021, 1, 1)
USAGES = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
USAGES += ("key_cert_sign", "crl_sign", "encipher_only", "decipher_only")


class Authority:
    """Somebody who signs certificates, and whose own certificate is signed by themselves."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = named(name)
        begun = begin(self._name, self._name, self._key, END)
        begun = begun.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        begun = begun.add_extension(usage("key_cert_sign", "crl_sign"), critical=True)
        self.certificate = begun.sign(self._key, hashes.SHA256())

    def sign(self, file: str, *names: x509.GeneralName, end: datetime = END) -> None:
        """Make a key, sign a certificate for it, and write both."""
        key = ec.generate_private_key(ec.SECP256R1())
        begun = begin(named(f"chatlab's example {file}"), self._name, key, end)
        begun = begun.add_extension(x509.SubjectAlternativeName(names), critical=False)
        begun = begun.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        begun = begun.add_extension(usage("digital_signature"), critical=True)
        begun = begun.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        begun = begun.add_extension(authority, critical=False)
        write(f"{file}.pem", begun.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        written = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        write(f"{file}.key", written)


def named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def begin(
    name: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, end: datetime
) -> x509.CertificateBuilder:
    begun = x509.CertificateBuilder().subject_name(name).issuer_name(issuer).public_key(key.public_key())
    begun = begun.serial_number(x509.random_serial_number()).not_valid_before(BEGIN).not_valid_after(end)
    return begun.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)


def usage(*allowed: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{name: name in allowed for name in USAGES})


def write(name: str, data: bytes) -> None:
    (PLACE / name).write_bytes(data)


if __name__ == "__main__":
    ours, foreign = Authority("chatlab's example authority"), Authority("somebody else")
    here = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    write("ca.pem", ours.certificate.public_bytes(serialization.Encoding.PEM))
    ours.sign("localhost", *here)
    ours.sign("other", x509.DNSName("chat.example"))
    ours.sign("expired", *here, end=EXPIRED)
    foreign.sign("foreign", *here)
