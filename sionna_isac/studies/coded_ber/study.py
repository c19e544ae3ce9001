"""Coded bit and block error rates over the SNR, point by point, by Sionna's `sim_ber`."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
import xarray as xr
from sionna.phy.utils import sim_ber

from sionna_isac import metrics
from sionna_isac.array import ImpairedArray
from sionna_isac.core import reset_stream
from sionna_isac.studies._isac.approach import ArrayApproach
from sionna_isac.studies._isac.system import IsacSystem, make_link
from sionna_isac.studies.coded_ber.link import CodedLink
from sionna_isac.study.progress import Reporter
from sionna_isac.study.store import RunFolder

__all__ = ["coded_ber_sweep", "summarise_ber"]


def coded_ber_sweep(
    scenario: Any,
    truth: ImpairedArray,
    arrays: dict[str, ImpairedArray],
    folder: RunFolder,
    reporter: Reporter,
) -> dict[str, list[dict[str, np.ndarray]]]:
    """Errors of each batch at each SNR for each array, one stored point after the other."""
    coding = scenario.coding
    channel = make_link(scenario, truth, coding.fft_size)
    curves = {}
    for method, assumed in arrays.items():
        system = IsacSystem(scenario, truth, ArrayApproach(scenario, assumed))
        beam = system.transmit(system.sector(1))[0]
        link = CodedLink(coding, channel, beam, scenario.waveform.subcarrier_spacing)
        run = tf.function(link, autograph=False, jit_compile=scenario.compile)
        points = []
        with reporter.task(
            f"coded link, {method}", len(coding.snr_db), note="compiling"
        ) as advance:
            for i, snr_db in enumerate(coding.snr_db):
                name = f"{method}_{i:03d}"
                point = folder.load(name)
                if point is None:
                    reset_stream(scenario.seed, "coded_ber", snr_db)
                    point = _errors(coding, run, link.ebno_db(snr_db), scenario.precision)
                    folder.save(name, **point)
                points.append(point)
                rate = point["block_errors"].sum() / point["blocks"].sum()
                advance(1, f"{snr_db:g} dB: BLER {rate:.2e}")
        curves[method] = points
    return curves


def _errors(coding: Any, run: Any, ebno_db: float, precision: str) -> dict[str, np.ndarray]:
    """Bit and block errors of each batch until enough block errors are seen."""
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


def summarise_ber(scenario: Any, raw: dict[str, list[dict[str, np.ndarray]]]) -> xr.Dataset:
    """Curves with confidence intervals: bits err in bursts, so theirs comes from whole batches."""
    methods, level = list(raw), scenario.confidence
    snr_db = np.array(scenario.coding.snr_db)
    dataset = xr.Dataset(coords={"approach": methods, "snr_db": snr_db})
    dataset["snr_db"].attrs = {"units": "dB", "long_name": "SNR per resource element, no beam gain"}
    dims = ("approach", "snr_db")
    for name in ("bit_errors", "bits", "block_errors", "blocks"):
        dataset[name] = (dims, [[int(p[name].sum()) for p in raw[m]] for m in methods])
    dataset["ber"] = dataset["bit_errors"] / dataset["bits"]
    dataset["bler"] = dataset["block_errors"] / dataset["blocks"]
    bounds = {
        "ber": [
            [metrics.ratio_interval(p["bit_errors"], p["bits"], level) for p in raw[m]]
            for m in methods
        ],
        "bler": [
            [
                metrics.proportion_interval(
                    int(p["block_errors"].sum()), int(p["blocks"].sum()), level
                )
                for p in raw[m]
            ]
            for m in methods
        ],
    }
    for name, values in bounds.items():
        for j, end in enumerate(("low", "high")):
            dataset[f"{name}_{end}"] = (dims, np.array(values)[..., j])
    return dataset
