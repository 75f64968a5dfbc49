"""Under which address others reach this kiosk: what a code that leaves the screen has to say."""

from ipaddress import ip_address

from fastapi import Request

from kiosk_ui.settings import KioskSettings


def public_base(request: Request) -> str:
    """Returns the address that whoever runs it names for everybody, else the one of this visitor."""
    settings: KioskSettings = request.app.state.settings
    if settings.public_name:
        return f"https://{settings.public_name}:{settings.tls_port}"
    return f"{request.url.scheme}://{request.url.netloc}"


def is_here_alone(request: Request) -> bool:
    """Tells whether the address opens on this machine and nowhere else."""
    settings: KioskSettings = request.app.state.settings
    host = settings.public_name or request.url.hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
