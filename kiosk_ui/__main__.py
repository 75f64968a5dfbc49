"""The faces' service: `python -m kiosk_ui`."""

from kiosk_ui.app import build
from kiosk_ui.settings import read_settings
from ledger.gate import Gate
from ledger.serving import EVERYWHERE, LOOPBACK, Listening, serve

# Where somebody types a password.
DOOR = ("/sign-in",)


def cost_of(_method: str, path: str) -> float:
    """Lets what browsers keep cost little: one page brings a handful of it."""
    return 0.1 if path.startswith("/assets/") else 1.0


if __name__ == "__main__":
    settings = read_settings()
    listening = Listening(
        settings.port, settings.tls_port, EVERYWHERE if settings.public_name else LOOPBACK,
        settings.certificate, settings.key, EVERYWHERE if settings.public else LOOPBACK,
    )  # fmt: skip
    gated = Gate(build(settings), cost=cost_of, door=DOOR)
    serve(gated, listening)
