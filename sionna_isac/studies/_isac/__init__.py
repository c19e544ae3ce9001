"""Common parts of studies of an OFDM echo and a communication link."""

__all__: list[str] = []
