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


@pytest.mark.parametrize(
    ("name", "profile", "scenario"), CASES, ids=["-".join(filter(None, c[:2])) for c in CASES]
)
def test_steps_of_a_training_add_up_to_the_largest_error(name, profile, scenario):
    """A step of Adam is about the rate at most."""
    config = scenario.array
    index = uniform_positions(config.num_antennas, 1.0, config.anchor)
    largest = 0.0
    for draw in range(getattr(scenario, "num_draws", 1)):
        truth = true_array(scenario, *([draw] if draw else []))
        error = np.abs(truth.element_positions / config.wavelength - index / 2)
        if "spacings" in config.learn:
            error = error[index != 0] / np.abs(index[index != 0])
        else:
            assert "positions" in config.learn
        largest = max(largest, error.max())
    for training in trainings(scenario):
        assert training.learning_rate * training.iterations > largest


def test_there_are_arrays_to_train():
    assert {f"multi_target_fig{n}" for n in (5, 6, 8, 9)} <= {name for name, _, _ in CASES}
