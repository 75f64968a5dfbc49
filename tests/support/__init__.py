"""What tests share: makers, the line in memory, databases of their own."""
