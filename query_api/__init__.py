"""The read-only JSON API over the views."""
