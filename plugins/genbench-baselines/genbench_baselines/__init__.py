"""Baselines for genbench: models fitted in closed form that every other model should beat."""
