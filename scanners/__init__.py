"""The edge: reading labels, keeping the tape, reaching the ledger."""
