"""The page by which visitors come to trust this ledger's own certificates, by comparing a fingerprint."""

import hashlib
import ssl
from pathlib import Path
from typing import NamedTuple

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from kiosk_ui.page import render

router = APIRouter()

GROUP = 4


class InstalledAuthority(NamedTuple):
    """The certificate to install (DER), and its SHA-256 as people compare it."""

    certificate: bytes
    groups: list[str]


def read_authority(path: str) -> InstalledAuthority | None:
    """Reads the certificate (PEM) that visitors have to install; None where they need none."""
    if not path:
        return None
    der = ssl.PEM_cert_to_DER_cert(Path(path).read_text())
    digest = hashlib.sha256(der).hexdigest().upper()
    return InstalledAuthority(der, [digest[at : at + GROUP] for at in range(0, len(digest), GROUP)])


@router.get("/install")
def install(request: Request) -> Response:
    """How to install it, and what to compare before."""
    return render(request, "install.html", {"groups": _authority(request).groups})


@router.get("/install/suyuan.crt")
def certificate(request: Request) -> Response:
    """The certificate itself, as every system takes it."""
    headers = {"content-disposition": 'attachment; filename="suyuan.crt"'}
    content = _authority(request).certificate
    return Response(content, media_type="application/x-x509-ca-cert", headers=headers)


def _authority(request: Request) -> InstalledAuthority:
    found: InstalledAuthority | None = request.app.state.authority
    if found is None:
        raise HTTPException(404)
    return found
