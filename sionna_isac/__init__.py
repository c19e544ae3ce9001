"""Link-level simulation of integrated sensing and communication on top of Sionna."""

from __future__ import annotations

import importlib
import importlib.metadata
from typing import Any

__version__ = "0.1.0"


def _check_environment() -> None:
    try:
        version = importlib.metadata.version("sionna")
    except importlib.metadata.PackageNotFoundError:
        try:
            version = importlib.metadata.version("sionna-no-rt")
        except importlib.metadata.PackageNotFoundError:
            raise ImportError("sionna_isac needs Sionna 1.2: install 'sionna>=1.2.2,<2'") from None
    if not version.startswith("1."):
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


_check_environment()

from sionna_isac.core import citation, set_seed  # noqa: E402

_DOMAINS = (
    "array",
    "channel",
    "core",
    "metrics",
    "objective",
    "plots",
    "receiver",
    "scene",
    "study",
    "waveform",
)

__all__ = ["__version__", "citation", "set_seed", *_DOMAINS]


def __getattr__(name: str) -> Any:
    if name in _DOMAINS:
        return importlib.import_module(f"sionna_isac.{name}")
    raise AttributeError(f"module 'sionna_isac' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
