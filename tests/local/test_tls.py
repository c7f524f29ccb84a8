"""Certificates are made once, and anew when they are of no more use."""

import datetime as dt
import ssl

import certifi

from local import tls
from local.tls import ensure_certificates


def contents(certificates):
    return [path.read_bytes() for path in (certificates.ca, certificates.server_chain, certificates.bundle)]


def test_certificates_are_reused(tmp_path):
    first = contents(ensure_certificates(tmp_path))

    assert contents(ensure_certificates(tmp_path)) == first


def test_the_bundle_holds_the_public_roots_and_ours(tmp_path):
    made = ensure_certificates(tmp_path)
    ours, public = (ssl.create_default_context(cafile=path) for path in (made.bundle, certifi.where()))

    assert made.bundle.read_bytes().endswith(made.ca.read_bytes())
    assert ours.cert_store_stats()["x509_ca"] == public.cert_store_stats()["x509_ca"] + 1
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(made.server_chain)


def test_nobody_else_reads_the_private_key(tmp_path):
    assert ensure_certificates(tmp_path).server_chain.stat().st_mode & 0o077 == 0


def test_certificates_about_to_expire_are_made_anew(tmp_path, monkeypatch):
    first = contents(ensure_certificates(tmp_path))
    monkeypatch.setattr(tls, "_SPARE", dt.timedelta(days=400_000))
    second = contents(ensure_certificates(tmp_path))

    assert not set(first) & set(second)


def test_a_making_that_was_interrupted_is_begun_again(tmp_path):
    made = ensure_certificates(tmp_path)
    first = contents(made)
    made.bundle.unlink()

    assert not set(first) & set(contents(ensure_certificates(tmp_path)))
