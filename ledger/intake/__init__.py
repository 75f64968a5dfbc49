"""Intake: the only way in."""
