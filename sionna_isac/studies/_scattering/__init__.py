"""Common parts of studies of scattered fields."""

__all__: list[str] = []
