"""Beams from networks: random scenes, and training on them."""

__all__: list[str] = []
