"""Coded transmission to the user over the shared resource grid, from Sionna's own blocks."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from sionna.phy.utils import ebnodb2no

from sionna_isac.channel import BeamformedLink
from sionna_isac.channel.link import PathLink
from sionna_isac.studies._isac.blocks import Coding
from sionna_isac.studies._isac.coded import CodedChannel
from sionna_isac.waveform import place_tones, shared_tone_grid

__all__ = ["CodedLink"]


class CodedLink(CodedChannel):
    """Bits through LDPC, QPSK, resource grid, channel and back; a function for `sim_ber`.

    Parameters
    ----------
    coding
        Configuration (`Coding`)
    link : `PathLink`
        Link
    beam : [num_antennas], `tf.complex`
        Beam of data and pilots
    subcarrier_spacing : `float`
        Subcarrier spacing [Hz]
    num_iterations : `int`, (default 20)
        Iterations of the LDPC decoder

    Input
    -----
    batch_size : `int`
        Batch size
    ebno_db : `float`
        Eb/N0 of a data resource element, without beam gain [dB]; the energy of pilots and sensing
        tones does not count for the bits

    Output
    ------
    bits : [batch_size, k], `tf.float`
        Information bits
    decoded : [batch_size, k], `tf.float`
        Decided bits
    """

    def __init__(
        self,
        coding: Coding,
        link: PathLink,
        beam: tf.Tensor,
        subcarrier_spacing: float,
        num_iterations: int = 20,
    ) -> None:
        precision = link.precision
        number = coding.num_sensing_tones
        tones = place_tones(coding.fft_size, number, method="uniform") if number else ()
        grid = shared_tone_grid(
            coding.num_ofdm_symbols,
            coding.fft_size,
            subcarrier_spacing,
            sensing_tones=tones,
            pilot_symbols=coding.pilot_symbols,
            precision=precision,
        )
        channel = BeamformedLink(link, beam)
        super().__init__(grid, coding.coderate, 2, num_iterations, channel, coding.csi)

    def ebno_db(self, snr_db: float) -> float:
        """Eb/N0 [dB] at an SNR per resource element [dB]."""
        rate = self.num_information_bits / self._encoder.n
        return snr_db - 10 * float(np.log10(rate * self.num_bits_per_symbol))

    def __call__(self, batch_size: Any, ebno_db: Any) -> tuple[tf.Tensor, tf.Tensor]:
        rate = self.num_information_bits / self._encoder.n
        no = ebnodb2no(ebno_db, self.num_bits_per_symbol, rate, precision=self._detector.precision)
        return self.transmit(batch_size, no)
