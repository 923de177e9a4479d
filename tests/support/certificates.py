"""Certificates for servers with TLS, made for a test and good for nine days."""

from __future__ import annotations

import subprocess
from pathlib import Path

from .servers import program


def openssl(folder: Path, *words: str) -> None:
    """Run ``openssl`` in a folder."""
    subprocess.run([program("openssl"), *words], cwd=folder, check=True, capture_output=True)


def made(folder: Path) -> Path:
    """An authority (ca.pem), a certificate of it for localhost (server.pem, server.key), and an authority that nobody
    asked (other.pem); returns the folder."""
    for name in ("ca", "other"):
        openssl(
            folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "9",
            "-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN={name}",
            "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
        )  # fmt: skip
    openssl(
        folder, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
        "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=server",
    )  # fmt: skip
    (folder / "server.ext").write_text("subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth,clientAuth\n")
    openssl(
        folder, "x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
        "-days", "9", "-extfile", "server.ext", "-out", "server.pem",
    )  # fmt: skip
    return folder
