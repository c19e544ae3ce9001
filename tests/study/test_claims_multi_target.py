"""Claims of the figures with many targets, judged on the stored results of their pages."""

from pathlib import Path

import numpy as np
import pytest

from sionna_isac.studies._isac.arrays import true_array
from sionna_isac.studies._isac.claims import judge
from sionna_isac.study import load_scenario, read_result

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data" / "multi_target"
RESULTS = ("fig5", "fig6", "fig7", "fig7_maximum", "fig8", "fig9")


def test_every_stored_result_is_judged():
    assert {file.stem for file in DATA.glob("fig*.nc")} == set(RESULTS)


@pytest.mark.parametrize("name", RESULTS)
def test_the_page_says_what_the_stored_result_says(name):
    dataset, scenario = read_result(DATA / f"{name}.nc")
    verdicts = judge(scenario, dataset)
    assert len(verdicts) == sum(len(c.metrics) for c in scenario.claims) > 0
    page = ROOT / "docs" / "reproduction" / f"mateosramos25_{name.partition('_')[0]}.md"
    text = page.read_text(encoding="utf-8")
    assert str(dataset.attrs["git_commit"])[:7] in text
    missing = [str(v) for v in verdicts if str(v) not in text.splitlines()]
    assert not missing


@pytest.mark.parametrize("name", RESULTS)
def test_the_stored_result_is_that_of_the_scenario(name):
    _, stored = read_result(DATA / f"{name}.nc")
    scenario = load_scenario(stored.name, profile=stored.profile)
    assert stored == scenario


def test_learned_impairments_beat_the_baseline_in_every_draw():
    """The point of the paper, in the sector of the test and in one that no training saw."""
    for name, metrics in (("fig5", "p_md ser"), ("fig6", "p_md ser"), ("fig8", "gospa p_md")):
        dataset, scenario = read_result(DATA / f"{name}.nc")
        found = {
            v.metric: v for v in judge(scenario, dataset) if v[:2] == ("impairments", "baseline")
        }
        for metric in metrics.split():
            assert found[metric].holds, str(found[metric])


def test_learned_spacings_resemble_the_true_ones():
    """The models of Fig. 5: elements within 0.06 wavelengths, without labels.

    A common shift of the elements is part of the unknown gains.
    """
    scenario = load_scenario("multi_target_fig5")
    index = np.arange(scenario.array.num_antennas)
    index = index - index.mean()
    wavelength = scenario.array.wavelength
    for draw, spacings in enumerate(np.load(DATA / "learned_spacings.npz").values()):
        truth = true_array(scenario, *([draw] if draw else [])).element_positions / wavelength
        assert np.max(np.abs(index / 2 - truth)) > 1.5
        error = index * spacings - truth
        assert np.max(np.abs(error - error.mean())) < 0.06
