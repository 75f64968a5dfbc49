"""Faces: one file of routes per kind of visitor."""
