"""Hybrids for genbench: models that belong to more than one family at once."""
