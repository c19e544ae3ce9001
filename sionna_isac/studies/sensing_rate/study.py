"""Rate that sensing tones leave: formula, mutual information of drawn channels, coded link."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
import xarray as xr

from sionna_isac import metrics
from sionna_isac.core import reset_stream
from sionna_isac.studies._intervals import ENDS, add_interval, mean_ends, share_ends
from sionna_isac.studies.sensing_rate.link import PartitionedLink, rayleigh_fades
from sionna_isac.studies.sensing_rate.scenario import Scheme, SensingRateScenario
from sionna_isac.study.part import Arrays, Part, Study
from sionna_isac.waveform import place_tones

__all__ = ["SensingRateStudy", "rate_report"]

RATE = {"units": "bit/s/Hz"}


class SensingRateStudy(Study[SensingRateScenario]):
    """Blocks of a scheme with a number of sensing tones, at all SNRs and fadings, one per part."""

    def parts(self) -> Iterator[Part]:
        scenario = self.scenario
        for placement in scenario.placements:
            for number in scenario.num_sensing_tones:
                for i, scheme in enumerate(scenario.schemes):
                    yield Part(
                        f"{placement}_tones{number}_scheme{i}",
                        (placement, number, scheme),
                        task="coded link",
                        note=f"{number} sensing tones, {scheme.text}",
                    )

    def compute(self, part: Part, earlier: Mapping[str, Arrays]) -> Arrays:
        """Block errors and mutual information [num_snrs, num_fadings, num_blocks]."""
        placement, number, scheme = part.arguments
        scenario = self.scenario
        reset_stream(scenario.seed, "sensing_rate", placement, number, scheme.text)
        link = self._link(placement, number, scheme)
        run = tf.function(link, autograph=False, jit_compile=scenario.compile)
        found = [
            [self._blocks(run, snr_db, fading) for fading in scenario.fadings]
            for snr_db in scenario.snr_db
        ]
        return {
            "errors": np.array([[errors for errors, _ in row] for row in found]),
            "rate": np.array([[rates for _, rates in row] for row in found]),
            "num_information_bits": np.array(link.num_information_bits),
        }

    def _link(self, placement: str, number: int, scheme: Scheme) -> PartitionedLink:
        scenario = self.scenario
        return PartitionedLink(
            scenario.num_tones,
            _tones(scenario, placement, number),
            num_ofdm_symbols=scenario.num_ofdm_symbols,
            coderate=scheme.coderate,
            num_bits_per_symbol=scheme.bits,
            num_iterations=scenario.num_iterations,
            precision=scenario.precision,
        )

    def _blocks(self, run: Any, snr_db: float, fading: str) -> tuple[np.ndarray, np.ndarray]:
        scenario = self.scenario
        size = scenario.batch_size, scenario.num_ofdm_symbols, scenario.num_tones
        no = tf.constant(10 ** (-snr_db / 10), tf.float64)
        errors, rates = [], []
        for _ in range(scenario.num_blocks // scenario.batch_size):
            h = rayleigh_fades(*size, block=fading == "block", precision=scenario.precision)
            bits, decoded, rate = run(h, no)
            errors.append(np.any(bits.numpy() != decoded.numpy(), axis=-1))
            rates.append(rate.numpy())
        return np.concatenate(errors), np.concatenate(rates).astype(float)

    def summarise(self, results: Mapping[str, Arrays]) -> xr.Dataset:
        """Rates and block error rates with confidence intervals."""
        scenario = self.scenario
        numbers, schemes = scenario.num_sensing_tones, scenario.schemes
        dataset = xr.Dataset(
            coords={
                "placement": list(scenario.placements),
                "num_sensing_tones": list(numbers),
                "snr_db": ("snr_db", list(scenario.snr_db), {"units": "dB"}),
                "fading": list(scenario.fadings),
                "scheme": [scheme.text for scheme in schemes],
            }
        )
        table = [
            [[results[f"{p}_tones{n}_scheme{i}"] for i in range(len(schemes))] for n in numbers]
            for p in scenario.placements
        ]
        # [placement, num_sensing_tones, scheme, snr_db, fading, block]
        errors = np.array([[[part["errors"] for part in row] for row in rows] for rows in table])
        rates = np.array([[[part["rate"] for part in row] for row in rows] for rows in table])
        bits = np.array([[part["num_information_bits"] for part in row] for row in table[0]])
        _add_theory(dataset, scenario)
        pooled = np.moveaxis(rates, 2, -2)  # every scheme draws its own channels
        _add_mean(dataset, pooled.reshape(*pooled.shape[:-2], -1), scenario.confidence)
        _add_link(dataset, scenario, errors, bits)
        return dataset


def _tones(scenario: SensingRateScenario, placement: str, number: int) -> Any:
    """Sensing tones: at equal distances, or a subset of the placed ones of the largest number."""
    if number == 0:
        return ()
    if placement == "uniform":
        return place_tones(scenario.num_tones, number, method="uniform")
    return place_tones(scenario.num_tones, scenario.num_sensing_tones[-1]).nested(number)


def _add_theory(dataset: xr.Dataset, scenario: SensingRateScenario) -> None:
    """Formula and published rates, and the sensing tones."""
    numbers, snr_db = list(scenario.num_sensing_tones), list(scenario.snr_db)
    dims = ("num_sensing_tones", "snr_db")
    exact = metrics.ergodic_rate(np.array(numbers)[:, np.newaxis], scenario.num_tones, snr_db)
    dataset["formula"] = (dims, exact, {**RATE, "long_name": "ergodic rate (19)"})
    printed = np.full(exact.shape, np.nan)
    for known in scenario.published:
        place = numbers.index(known.num_sensing_tones), snr_db.index(known.snr_db)
        printed[place] = known.rate
    dataset["published"] = (dims, printed, {**RATE, "long_name": "published rate"})
    used = np.zeros([len(scenario.placements), len(numbers), scenario.num_tones], bool)
    for i, placement in enumerate(scenario.placements):
        for j, number in enumerate(numbers):
            used[i, j, list(_tones(scenario, placement, number))] = True
    about = {"long_name": "True where a tone senses"}
    dataset["is_sensing"] = (("placement", "num_sensing_tones", "tone"), used, about)


def _add_mean(dataset: xr.Dataset, rates: np.ndarray, level: float) -> None:
    """Mutual information [placement, num_sensing_tones, snr_db, fading, block]: mean, interval."""
    dims = ("placement", "num_sensing_tones", "snr_db", "fading")
    about = {**RATE, "long_name": "mutual information of the drawn channels"}
    ends = mean_ends(rates, level)
    add_interval(dataset, "mutual_information", dims, rates.mean(-1), ends, **about)


def _add_link(
    dataset: xr.Dataset, scenario: SensingRateScenario, errors: np.ndarray, bits: np.ndarray
) -> None:
    """Block error rates, and the rates of the coded link with each scheme and with the best."""
    dims = ("placement", "num_sensing_tones", "scheme", "snr_db", "fading")
    count, size = errors.sum(-1), errors.shape[-1]
    ends = share_ends(count, size, scenario.confidence)
    dataset["block_errors"] = (dims, count)
    dataset.attrs["num_blocks"] = size
    dataset["num_information_bits"] = (("num_sensing_tones", "scheme"), bits)
    bler = (count / size, ends[..., 0], ends[..., 1])
    largest = bits / (scenario.num_ofdm_symbols * scenario.num_tones)
    largest = largest[..., np.newaxis, np.newaxis]
    throughput = [largest * (1 - bler[i]) for i in (0, 2, 1)]
    best = throughput[0].argmax(2)
    for end, error, value in zip(ENDS, bler, throughput, strict=True):
        dataset[f"bler{end}"] = (dims, error, {"long_name": "block error rate"})
        about = {**RATE, "long_name": "error-free rate of the coded link over all tones"}
        dataset[f"throughput{end}"] = (dims, value, about)
        chosen = np.take_along_axis(value, best[:, :, np.newaxis], 2)[:, :, 0]
        about = {**RATE, "long_name": "largest throughput of all schemes"}
        dataset[f"coded_rate{end}"] = ((*dims[:2], *dims[3:]), chosen, about)
    names = np.array([scheme.text for scheme in scenario.schemes])
    dataset["best_scheme"] = ((*dims[:2], *dims[3:]), names[best])


def rate_report(scenario: SensingRateScenario, dataset: xr.Dataset) -> Iterator[str]:
    """Rates for each number of sensing tones."""
    for snr_db in dataset["snr_db"].values:
        for placement in dataset["placement"].values:
            for fading in dataset["fading"].values:
                yield f"{snr_db:g} dB, tones {placement}, fading {fading} [bit/s/Hz]:"
                row = dataset.sel(snr_db=snr_db, placement=placement, fading=fading)
                for number in dataset["num_sensing_tones"].values:
                    yield _line(row.sel(num_sensing_tones=number))


def _line(point: xr.Dataset) -> str:
    """Line of a report."""
    best = str(point["best_scheme"].values)
    return (
        f"  {int(point['num_sensing_tones']):3d} sensing tones: formula "
        f"{float(point['formula']):.4f}, Monte Carlo {float(point['mutual_information']):.4f} "
        f"[{float(point['mutual_information_low']):.4f}, "
        f"{float(point['mutual_information_high']):.4f}], coded link "
        f"{float(point['coded_rate']):.3f} ({best}, block error rate "
        f"{float(point['bler'].sel(scheme=best)):.2g})"
    )
