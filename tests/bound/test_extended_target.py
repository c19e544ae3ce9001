"""Fisher information of extended targets against reference numbers and brute force."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sionna_isac import bound

CASES = json.loads(
    (Path(__file__).parents[1] / "data/extended_target/efim_cases.json").read_text()
)["cases"]
LEVELS = ("energy", "resolved", "coherent")


def complexes(value: dict) -> np.ndarray:
    return np.array(value["re"]) + 1j * np.array(value["im"])


def target_of(case: dict) -> bound.ExtendedTarget:
    pose = dict(zip(("range", "azimuth", "elevation", "orientation"), case["kappa"], strict=True))
    return bound.ExtendedTarget(case["points_local"], case["zeta2"], **pose)


def system_of(case: dict, level: str) -> dict:
    number = case["n_subcarriers"]
    offset = (np.arange(number) - (number - 1) / 2) * case["subcarrier_spacing"]
    coherent = level == "coherent"
    return {
        "tx_shape": case["tx"],
        "rx_shape": case["rx"],
        "path_gain": case["beta"],
        "noise_power": case["sigma2"],
        "rms_bandwidth": None if coherent else case["Brms"],
        "num_samples": number * case["n_symbols"],
        "level": level,
        "frequencies": offset if coherent else None,
        "phases": case["psi"] if coherent else None,
    }


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("case", CASES, ids=lambda c: c["name"])
def test_information_is_that_of_the_reference(case, level):
    beams = complexes(case["W"])
    fim = bound.extended_target_fim(
        target_of(case), covariance=beams @ beams.conj().T, **system_of(case, level)
    )
    expected = case[level]
    both = np.vstack([expected["J"], [expected["v"]]])
    both = np.column_stack([both, [*expected["v"], expected["J_beta"]]])
    scale = np.sqrt(np.diagonal(both))
    np.testing.assert_allclose(
        fim / scale / scale[:, None], both / scale / scale[:, None], rtol=0, atol=1e-9
    )
    efim = bound.effective_fim(fim, num_interest=4)
    crb = np.diagonal(bound.cramer_rao_bound(efim))
    np.testing.assert_allclose(crb, expected["CRB"], rtol=1e-9)
    np.testing.assert_allclose(np.sum(crb), expected["trCRB"], rtol=1e-9)
