"""Requirements on the environment, checked once when the library is first used."""

from __future__ import annotations

import importlib.metadata

__all__ = ["check_environment"]


def check_environment() -> None:
    """Raise `ImportError` unless Sionna is 1.x and Keras runs on TensorFlow."""
    try:
        version = importlib.metadata.version("sionna")
    except importlib.metadata.PackageNotFoundError:
        try:
            version = importlib.metadata.version("sionna-no-rt")
        except importlib.metadata.PackageNotFoundError:
            raise ImportError("sionna_isac needs Sionna 1.2: install 'sionna>=1.2.2,<2'") from None
    if not version.startswith("1.2."):
        raise ImportError(
            f"sionna_isac needs Sionna 1.2 (its TensorFlow line), found Sionna {version}: "
            "install 'sionna>=1.2.2,<2'"
        )
    import keras

    if keras.backend.backend() != "tensorflow":
        raise ImportError(
            "sionna_isac needs the TensorFlow backend of Keras, found "
            f"{keras.backend.backend()!r}: set the environment variable KERAS_BACKEND=tensorflow"
        )
