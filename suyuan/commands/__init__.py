"""Verbs of the command, by whom they serve."""


class Failed(Exception):
    """A verb could not do its work; the text says what to do."""
