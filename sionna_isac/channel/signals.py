"""Checks of the signals and targets of echoes."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import tensorflow as tf
from scipy.constants import c as SPEED_OF_LIGHT

from sionna_isac.core import checks
from sionna_isac.waveform import Numerology

__all__ = ["check_signal", "warn_of_targets"]

_LEVEL = 10  # of the caller of a layer, beyond Keras


def check_signal(
    x: tf.Tensor, beam: tf.Tensor | None, num_antennas: int, num_subcarriers: int
) -> None:
    """Refuse signals of a wrong shape: symbols need a beam, antenna signals take none.

    Parameters
    ----------
    x : [batch_size, ..., num_subcarriers], `tf.complex`
        Symbols of one or several OFDM symbols, or signals of all antennas
    beam : `None` | [batch_size, num_antennas], `tf.complex`
        Beam
    num_antennas, num_subcarriers : `int`
        Numbers that the echo is made for
    """
    checks.rank("x", x, (2, 3, 5))
    checks.last_dim("x", x, num_subcarriers, "(num_subcarriers)")
    if (beam is None) != (x.shape.rank == 5):
        raise ValueError(
            "beam must be given exactly if x holds symbols and not antenna signals; got "
            f"x of shape {list(x.shape)} and {'no beam' if beam is None else 'a beam'}"
        )
    if beam is None:
        checks.shape("x", x, [x.shape[0], 1, num_antennas, None, None])


def warn_of_targets(numerology: Numerology, targets: Any, num_symbols: Any) -> None:
    """Warn, in eager mode, of targets whose echo the model or a receiver mistakes.

    A numerology without cyclic prefix is a model in which symbols do not interfere: nothing is said
    about delays then. Targets of gain 0 are not there.

    Parameters
    ----------
    numerology : :class:`~sionna_isac.waveform.Numerology`
        Numerology
    targets : :class:`~sionna_isac.scene.PointTargets` | another state of targets
        Targets
    num_symbols : `int`
        Number of OFDM symbols
    """
    timed, moving = numerology.cyclic_prefix_length > 0, targets.velocity is not None
    if not tf.executing_eagerly() or not (timed or (moving and num_symbols > 1)):
        return
    present = targets.gain.numpy() != 0
    if not np.any(present):
        return
    distance = float(np.max(targets.range.numpy()[present]))
    if timed and not numerology.within_prefix(distance):
        prefix = numerology.prefix_duration
        warnings.warn(
            f"targets.range reaches {distance:g} m, a delay of {2 * distance / SPEED_OF_LIGHT:.4g} "
            f"s, beyond the cyclic prefix of {prefix:.4g} s ({numerology.prefix_range:g} m): OFDM "
            "symbols would interfere, which this echo does not model",
            stacklevel=_LEVEL,
        )
    if moving and num_symbols > 1:
        velocity = targets.velocity.numpy()[present].astype(np.float64)
        fastest = float(velocity[np.argmax(np.abs(velocity))])
        limit = numerology.max_velocity
        if abs(fastest) > limit * (1 + 1e-6):
            alias = fastest - 2 * limit * round(fastest / (2 * limit))
            warnings.warn(
                f"targets.velocity reaches {fastest:g} m/s, beyond the unambiguous {limit:g} m/s: "
                f"it looks like {alias:g} m/s",
                stacklevel=_LEVEL,
            )
