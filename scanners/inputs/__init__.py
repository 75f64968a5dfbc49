"""Where scans come from."""
