"""Data sets for genbench that need no network, one per file."""
