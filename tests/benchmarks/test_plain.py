"""The timed comparison compares like with like: both sides give the same numbers."""

import pytest

from benchmarks import plain
from benchmarks.cases import CASES, TOLERANCE, Bench, Disagreement


def small(precision: str) -> Bench:
    setting = plain.letter(8, 16, 72, 20, 2, 960e3, (5.0, 60.0), (3, 2))
    return Bench(setting, batch_size=16, training_batch_size=16, precision=precision)


@pytest.mark.parametrize(
    ("precision", "name"),
    [("double", "gradient"), ("double", "omp"), ("double", "training"), ("single", "gradient")],
)
def test_agreement(precision: str, name: str) -> None:
    deviation = CASES[name].check(small(precision))
    for key, limit in TOLERANCE[precision].items():
        assert deviation.values.get(key, 0.0) <= limit
    assert deviation.num_ties <= (0 if precision == "double" else 1)


def test_disagreement_is_noticed() -> None:
    bench = small("double")
    bench.array.positions.assign(bench.array.positions * 1.001)
    with pytest.raises(Disagreement):
        bench.check_omp()
