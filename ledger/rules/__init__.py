"""Rules: pure functions from state and request to events, and the law as data."""
