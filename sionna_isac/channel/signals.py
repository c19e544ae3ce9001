"""Check that echoes of points and of extended targets share."""

from __future__ import annotations

import tensorflow as tf

from sionna_isac.core import checks

__all__ = ["check_signal"]


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
