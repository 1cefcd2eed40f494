"""Generative adversarial networks, one model per file."""
