"""Metrics and feature extractors for genbench, one per file."""
