"""The list of small defects fits the code: each names a text that its file holds exactly once."""

from pathlib import Path

import pytest

import sionna_isac
from tests.tools.mutations import MUTATIONS

TESTS = Path(__file__).parent


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda m: m.label[:60])
def test_defect_can_be_put_in(mutation):
    text = (Path(sionna_isac.__file__).parent / mutation.file).read_text()
    assert text.count(mutation.old) == 1 and mutation.new != mutation.old
    assert all((TESTS / f"{name}.py").is_file() for name in mutation.tests.split())
