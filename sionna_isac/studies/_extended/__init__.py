"""Common parts of studies of extended targets."""

__all__: list[str] = []
