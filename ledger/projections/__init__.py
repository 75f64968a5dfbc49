"""Projections: everything derived from the record, thrown away and rebuilt at will."""
