"""Tracing: where lots came from, what became of them, and who has or had them."""
