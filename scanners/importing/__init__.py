"""Import: a merchant's own file, read, matched and turned into reports, row by row."""
