"""The kiosk service: `python -m kiosk_ui`."""

from kiosk_ui.app import build
from kiosk_ui.serving import serve
from kiosk_ui.settings import read_settings

if __name__ == "__main__":
    settings = read_settings()
    serve(build(settings.query_url, authority=settings.authority), settings)
