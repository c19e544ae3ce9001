"""Trained arrays of the shipped scenarios can reach the true ones."""

import numpy as np
import pytest

from sionna_isac.array.layout import uniform_positions
from sionna_isac.studies import true_array
from sionna_isac.study import find_scenarios, list_profiles, load_scenario


def trainings(scenario):
    """Trainings of the parameters of an array."""
    if scenario.kind in ("multi_target", "coded_ber"):
        return [scenario.training]
    if scenario.kind == "learning":
        return [a.training for a in scenario.approaches.values() if a.kind == "impairments"]
    return []


CASES = [
    (name, profile, scenario)
    for name in find_scenarios()
    for profile in list_profiles(name) or [None]
    if trainings(scenario := load_scenario(name, profile=profile))
]


def reach(training):
    """Sum of the rates of all iterations; a step of Adam is about the rate at most."""
    rates = np.full(training.iterations, training.learning_rate)
    if training.schedule == "cosine":
        rates *= (1 + np.cos(np.pi * np.arange(training.iterations) / training.iterations)) / 2
    return rates.sum()


@pytest.mark.parametrize(
    ("name", "profile", "scenario"), CASES, ids=["-".join(filter(None, c[:2])) for c in CASES]
)
def test_steps_of_a_training_add_up_to_the_largest_error(name, profile, scenario):
    config = scenario.array
    index = uniform_positions(config.num_antennas, 1.0, config.anchor)
    largest = 0.0
    for draw in getattr(scenario, "draws", range(1)):
        truth = true_array(scenario, *([draw] if draw else []))  # number 0 has no label
        error = np.abs(truth.element_positions / config.wavelength - index / 2)
        if "spacings" in config.learn:
            error = error[index != 0] / np.abs(index[index != 0])
        else:
            assert "positions" in config.learn
        largest = max(largest, error.max())
    for training in trainings(scenario):
        assert training.schedule != "plateau"  # its rates depend on the losses
        assert reach(training) > largest


def test_there_are_arrays_to_train():
    assert {f"multi_target_fig{n}" for n in (5, 6, 8, 9)} <= {name for name, _, _ in CASES}
