"""Values: things that are valid once they exist. No clock, no database, no network."""
