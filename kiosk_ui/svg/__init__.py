"""Pictures of our own, drawn on the server as SVG."""
