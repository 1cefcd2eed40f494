"""Data sets for genbench, one per file."""
