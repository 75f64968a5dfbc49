"""The kiosk service: `python -m kiosk_ui`."""

from kiosk_ui.app import build
from kiosk_ui.settings import read_settings
from ledger.serving import EVERYWHERE, LOOPBACK, Listening, serve

if __name__ == "__main__":
    settings = read_settings()
    listening = Listening(
        settings.port, settings.tls_port, EVERYWHERE if settings.public_name else LOOPBACK,
        settings.certificate, settings.key, EVERYWHERE if settings.public else LOOPBACK,
    )  # fmt: skip
    serve(build(settings.query_url, settings.authority), listening, timeout_graceful_shutdown=1)
