"""Certificates of the local cloud: Azure's clients refuse to send tokens over plain http."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import certifi
import trustme
from cryptography import x509

_SPARE = dt.timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Certificates:
    """The files of certificates in a state directory."""

    ca: Path
    server_chain: Path
    bundle: Path
    """The public authorities and ours.  SSL_CERT_FILE and REQUESTS_CA_BUNDLE can name it and other connections still work."""


def ensure_certificates(state_dir: Path) -> Certificates:
    """The certificates for 127.0.0.1 and localhost.  New ones are made if they are missing or about to expire."""
    made = Certificates(
        ca=state_dir / "ca.pem", server_chain=state_dir / "server.pem", bundle=state_dir / "ca-bundle.pem"
    )
    if all(path.exists() for path in (made.ca, made.server_chain, made.bundle)):
        certificate = x509.load_pem_x509_certificates(made.server_chain.read_bytes())[0]
        if certificate.not_valid_after_utc - _SPARE > dt.datetime.now(dt.UTC):
            return made
    state_dir.mkdir(parents=True, exist_ok=True)
    made.bundle.unlink(missing_ok=True)  # it is written last: if it exists, all three files belong together
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(made.ca))
    issued = authority.issue_cert("127.0.0.1", "localhost")
    made.server_chain.touch(mode=0o600)
    issued.private_key_and_cert_chain_pem.write_to_path(str(made.server_chain))
    made.bundle.write_bytes(Path(certifi.where()).read_bytes() + b"\n" + made.ca.read_bytes())
    return made
