"""The comparison of range-Doppler maps runs, and both sides detect the same cells."""

from benchmarks.range_doppler import TOLERANCE, Setting, compare, report


def test_comparison():
    rows = compare(Setting(4, 16, 64), "(3, 6), guard (1, 2)", 1)
    assert [row["reference"] for row in rows] == ["FFTs alone", "NumPy"]
    assert all(row["deviation"] < TOLERANCE and row["detections"] > 0 for row in rows)
    text = report({"environment": {"threads": 1}, "rows": rows})
    assert "FFTs alone" in text and "NumPy" in text
