"""Pages on [MateosRamos23] state what the stored results of their scenarios show."""

import json
from pathlib import Path

import pytest

from sionna_isac.study import load_scenario
from tests.tools.single_carrier_pages import DATA, draw_at, ratios, scores, spread, stored, verdicts

PAGES = Path(__file__).parents[2] / "docs" / "reproduction"
RESULTS = {  # result: page
    "fig3": "mateosramos23_fig3.md",
    "fig3_joint": "mateosramos23_fig3.md",
    "fig4": "mateosramos23_fig4.md",
    "fig4_graded": "mateosramos23_fig4.md",
    "fig5": "mateosramos23_fig5.md",
}
FIELDS = ("approaches", "eta", "seed", "draws", "array", "targets", "link", "evaluation")


@pytest.mark.parametrize("name", RESULTS)
def test_pages_state_scores_and_verdicts_of_the_shipped_scenario(name):
    dataset, page = stored(name), (PAGES / RESULTS[name]).read_text(encoding="utf-8")
    scenario = load_scenario(f"single_carrier_{name}")
    computed = type(scenario).model_validate(
        {**json.loads(dataset.attrs["scenario"]), "claims": []}
    )
    for field in FIELDS:
        assert getattr(scenario, field) == getattr(computed, field), field
    assert "\n".join(verdicts(name, dataset)) in page
    assert "\n".join(scores(dataset)) in page
    assert dataset.attrs["git_commit"][:7] in page


def test_networks_miss_hardly_more_targets_than_the_model_that_is_right():
    missed = 1 - stored("fig3").p_d.sel(eta=1, p_fa=0.01).squeeze()
    assert float(missed.sel(approach="networks")) < 1.05 * float(missed.sel(approach="baseline"))


def test_draws_of_figures_4_and_5_are_at_the_stated_quantile():
    page = (PAGES / "mateosramos23_fig4.md").read_text(encoding="utf-8")
    for ordering, figures in (("cumulative", ("fig4", "fig5")), ("graded", ("fig4_graded",))):
        dataset = stored(f"fig4_draws_{ordering}")
        assert spread(dataset, ordering) in page
        for figure in figures:
            scenario = load_scenario(f"single_carrier_{figure}")
            (impairment,) = scenario.array.impairments
            assert impairment.ordering == ordering
            assert scenario.first_draw == draw_at(0.75, dataset)


def test_graded_spacings_mislead_the_ideal_array_far_more_often():
    shares = {
        ordering: float((ratios(stored(f"fig4_draws_{ordering}")) > 1.5).mean())
        for ordering in ("cumulative", "graded")
    }
    assert shares["cumulative"] < 0.4 and shares["graded"] > 0.9


def test_stored_results_are_small():
    assert all(file.stat().st_size < 200_000 for file in DATA.iterdir())
