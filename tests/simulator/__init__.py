"""A deterministic simulator: the product's own state machines on memory, driven by one seed."""
