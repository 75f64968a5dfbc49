"""What happened in the trade, and what follows from it."""
