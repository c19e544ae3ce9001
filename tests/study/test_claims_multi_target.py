"""Claims of the figures with many targets, judged on the stored results of their pages."""

from pathlib import Path

import pytest

from sionna_isac.studies._isac.claims import judge
from sionna_isac.study import load_scenario, read_result

ROOT = Path(__file__).parents[2]
RESULTS = sorted((ROOT / "tests" / "data" / "multi_target").glob("fig*.nc"))


@pytest.mark.parametrize("file", RESULTS, ids=[f.stem for f in RESULTS])
def test_the_page_says_what_the_stored_result_says(file):
    dataset, scenario = read_result(file)
    verdicts = judge(scenario, dataset)
    assert len(verdicts) == sum(len(c.metrics) for c in scenario.claims) > 0
    page = ROOT / "docs" / "reproduction" / f"mateosramos25_{file.stem.partition('_')[0]}.md"
    text = page.read_text(encoding="utf-8")
    assert str(dataset.attrs["git_commit"])[:7] in text
    missing = [str(v) for v in verdicts if str(v) not in text.splitlines()]
    assert not missing


@pytest.mark.parametrize("file", RESULTS, ids=[f.stem for f in RESULTS])
def test_the_stored_result_is_that_of_the_scenario(file):
    _, stored = read_result(file)
    scenario = load_scenario(stored.name, profile=stored.profile)
    assert stored == scenario


def test_learned_impairments_beat_the_baseline_in_every_draw():
    """The point of the paper, in the sector of the test and in one that no training saw."""
    for name, metrics in (("fig5", "p_md ser"), ("fig6", "p_md ser"), ("fig8", "gospa p_md")):
        dataset, scenario = read_result(ROOT / "tests" / "data" / "multi_target" / f"{name}.nc")
        found = {
            v.metric: v for v in judge(scenario, dataset) if v[:2] == ("impairments", "baseline")
        }
        for metric in metrics.split():
            assert found[metric].holds, str(found[metric])
