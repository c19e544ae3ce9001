"""Beams from networks: random scenes, and training on them."""
