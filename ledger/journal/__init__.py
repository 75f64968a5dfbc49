"""The journal: the append-only record, its writers and its readers."""
