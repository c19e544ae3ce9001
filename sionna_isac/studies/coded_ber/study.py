"""Coded bit and block error rates over the SNR, point by point, by Sionna's `sim_ber`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
import xarray as xr
from sionna.phy.utils import sim_ber

from sionna_isac import metrics
from sionna_isac.core import reset_stream
from sionna_isac.studies._intervals import add_interval, share_ends
from sionna_isac.studies._isac.array_study import LearnedArrayStudy
from sionna_isac.studies._isac.blocks import Coding
from sionna_isac.studies._isac.system import IsacSystem, make_link
from sionna_isac.studies.coded_ber.link import CodedLink
from sionna_isac.studies.coded_ber.scenario import CodedBERScenario
from sionna_isac.study.part import Arrays, Part

__all__ = ["CodedBERStudy"]


class CodedBERStudy(LearnedArrayStudy[CodedBERScenario]):
    """Errors of each batch at each SNR for each array."""

    def __init__(self, scenario: CodedBERScenario) -> None:
        super().__init__(scenario)
        self._channel = make_link(scenario, self.truth(), scenario.coding.fft_size)
        self._links: dict[str, tuple[CodedLink, Any]] = {}

    def parts(self) -> Iterator[Part]:
        """Training, then one part per SNR for each method."""
        for method in self.scenario.compared():
            yield from self.trainings(method)
        for method in self.scenario.compared():
            needs = tuple(t.name for t in self.trainings(method))
            for i, snr_db in enumerate(self.scenario.coding.snr_db):
                yield Part(
                    f"{method}_{i:03d}",
                    ("count", method, snr_db),
                    task=f"coded link, {method}",
                    note=f"{snr_db:g} dB",
                    needs=needs,
                )

    def evaluate(self, part: Part, earlier: Mapping[str, Arrays]) -> Arrays:
        """Errors of each batch at an SNR."""
        _, method, snr_db = part.arguments
        scenario = self.scenario
        if method not in self._links:
            system = IsacSystem(scenario, self.truth(), self.ready(method, earlier))
            beam = system.transmit(system.sector(1))[0]
            spacing = scenario.waveform.subcarrier_spacing
            link = CodedLink(scenario.coding, self._channel, beam, spacing)
            run = tf.function(link, autograph=False, jit_compile=scenario.compile)
            self._links[method] = link, run
        link, run = self._links[method]
        reset_stream(scenario.seed, "coded_ber", snr_db)
        return _errors(scenario.coding, run, link.ebno_db(snr_db), scenario.precision)

    def summarise(self, results: Mapping[str, Arrays]) -> xr.Dataset:
        """Curves with confidence intervals, and the arrays."""
        points = range(len(self.scenario.coding.snr_db))
        raw = {str(m): [results[f"{m}_{i:03d}"] for i in points] for m in self.scenario.compared()}
        dataset = _summary(self.scenario, raw)
        self.add_arrays(dataset, results)
        return dataset


def _errors(coding: Coding, run: Any, ebno_db: float, precision: str) -> dict[str, np.ndarray]:
    """Bit and block errors of each batch, up to a number of block errors."""
    totals: list[tuple[int, ...]] = [(0, 0, 0, 0)]

    def note(mc_iter: Any, snr: Any, ebnos: Any, *counts: Any) -> Any:
        totals.append(tuple(int(c[int(snr)]) for c in counts))
        return sim_ber.CALLBACK_CONTINUE

    sim_ber(
        run,
        [ebno_db],
        coding.batch_size,
        coding.max_batches,
        num_target_block_errors=coding.target_block_errors,
        early_stop=False,
        verbose=False,
        callback=note,
        precision=precision,
    )
    batches = np.diff(np.array(totals, dtype=np.int64), axis=0).T
    return dict(zip(("bit_errors", "block_errors", "bits", "blocks"), batches, strict=True))


def _summary(scenario: CodedBERScenario, raw: dict[str, list[dict[str, np.ndarray]]]) -> xr.Dataset:
    """Curves with confidence intervals: bit errors are bursts, so batches are independent units."""
    methods, level = list(raw), scenario.confidence
    snr_db = np.array(scenario.coding.snr_db)
    dataset = xr.Dataset(coords={"approach": methods, "snr_db": snr_db})
    dataset["snr_db"].attrs = {"units": "dB", "long_name": "SNR per resource element, no beam gain"}
    dims = ("approach", "snr_db")
    for name in ("bit_errors", "bits", "block_errors", "blocks"):
        dataset[name] = (dims, [[int(p[name].sum()) for p in raw[m]] for m in methods])
    ends = [
        [metrics.ratio_interval(p["bit_errors"], p["bits"], level) for p in raw[m]] for m in methods
    ]
    count = {name: values.values for name, values in dataset.items()}
    add_interval(dataset, "ber", dims, count["bit_errors"] / count["bits"], np.array(ends))
    errors, blocks = count["block_errors"], count["blocks"]
    add_interval(dataset, "bler", dims, errors / blocks, share_ends(errors, blocks, level))
    return dataset
