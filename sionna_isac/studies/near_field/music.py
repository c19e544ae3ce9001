"""Position errors of MUSIC and of maximum likelihood on echoes of designed beams."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from sionna_isac.channel import NearFieldEcho
from sionna_isac.core import reset_stream
from sionna_isac.core.units import watt
from sionna_isac.receiver import MUSIC, KnownSymbolLocalizer
from sionna_isac.studies.near_field.draws import make_array, reflection
from sionna_isac.studies.near_field.scenario import NearFieldScenario
from sionna_isac.study.part import Arrays
from sionna_isac.waveform import orthogonal_symbols

__all__ = ["BATCH", "Simulator"]

BATCH = 20  # draws of a batch


class Simulator:
    """Echoes of beams and estimates of all receivers, for one array."""

    def __init__(self, scenario: NearFieldScenario, num_antennas: int) -> None:
        assert scenario.music is not None
        self.scenario, self.music = scenario, scenario.music
        music = scenario.music
        array = make_array(scenario, num_antennas)
        self.echo = NearFieldEcho(array, precision="double")
        self.estimate = MUSIC(
            array,
            music.range_interval,
            num_angles=music.num_angles,
            num_ranges=music.num_ranges,
            num_zooms=music.num_zooms,
            num_refinements=music.num_refinements,
            precision="double",
        )
        self.known_symbols = None
        if scenario.known_symbols is not None:
            self.known_symbols = KnownSymbolLocalizer(
                array,
                music.range_interval,
                **scenario.known_symbols.model_dump(),
                precision="double",
            )
        self.symbols = orthogonal_symbols(scenario.users.number, scenario.num_snapshots)

    def __call__(self, beams: np.ndarray, start: int) -> Arrays:
        """Position errors [draws, trials] in m of beams [draws, antennas, streams].

        They are NaN without beams. The noise is the same for all designs, values and receivers.
        """
        config, trials = self.scenario, self.music.num_trials
        usable = np.all(np.isfinite(beams), axis=(1, 2))
        # always a full batch: the echo of a draw does not depend on the number of draws
        signal = np.zeros((BATCH, beams.shape[1], config.num_snapshots), np.complex128)
        signal[: len(beams)][usable] = beams[usable] @ self.symbols
        size = BATCH * trials
        target = np.array(config.target.position)
        reset_stream(config.seed, "near_field_music", start)
        y = self.echo(
            tf.constant(np.repeat(signal, trials, axis=0)),
            tf.constant(np.tile(target, (size, 1, 1))),
            tf.fill([size, 1], tf.constant(reflection(config), tf.complex128)),
            watt(config.noise_power_dbm),
        )
        sector = tf.constant(np.radians(np.tile(self.music.sector_deg, (size, 1))))
        found = {"error": self.estimate(y, sector)}
        if self.known_symbols is not None:
            known = np.ones((BATCH, *beams.shape[1:]), np.complex128)  # where there are none
            known[: len(beams)][usable] = beams[usable]
            symbols = np.broadcast_to(self.symbols, (size, *self.symbols.shape))
            known = np.repeat(known, trials, axis=0)
            found["error_known_symbols"] = self.known_symbols(y, symbols, known, sector)
        errors = {}
        for name, estimate in found.items():
            error = np.linalg.norm(estimate.position.numpy()[:, 0] - target, axis=-1)
            errors[name] = error.reshape(BATCH, trials)[: len(beams)]
            errors[name][~usable] = np.nan
        return errors
