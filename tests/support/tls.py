"""A self-signed certificate for 127.0.0.1 and localhost, and contexts that use it."""

import atexit
import functools
import shutil
import ssl
import subprocess
import tempfile
from pathlib import Path


@functools.cache
def self_signed() -> tuple[str, str]:
    """Return the names of a PEM file with a certificate and of one with its key; the same ones in one process."""
    openssl = shutil.which("openssl")
    assert openssl, "the tests need the openssl command"
    folder = Path(tempfile.mkdtemp(prefix="mpps-tls-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-days", "2"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    return str(certificate), str(key)


def server_context() -> ssl.SSLContext:
    """Return a context for a server that shows the certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*self_signed())
    return context


def trusting_context() -> ssl.SSLContext:
    """Return a context for a client that trusts the certificate."""
    return ssl.create_default_context(cafile=self_signed()[0])
