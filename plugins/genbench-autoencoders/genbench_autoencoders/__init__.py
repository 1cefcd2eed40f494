"""Autoencoders, one model per file."""
