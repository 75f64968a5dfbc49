"""Bundles: a merchant's records of some lots in one file, written here and checked by anybody."""
