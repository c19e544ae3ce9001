"""Studies of tests train for a few steps: graphs are run as they are traced."""

import pytest
import tensorflow as tf


def short(request) -> bool:
    """`True` unless the longer studies run, too."""
    return request.config.option.markexpr == "not slow"


@pytest.fixture(scope="module", autouse=True)
def _no_graph_optimizer(request):
    """TensorFlow takes longer to optimise a graph than such studies run; long ones keep it."""
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": short(request)})
    yield
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": False})


@pytest.fixture(scope="module")
def eager(request):
    """For modules whose studies run for less time than their graphs take to trace."""
    tf.config.run_functions_eagerly(short(request))
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def graphs():
    """For a test of many steps in a module that is eager."""
    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(False)
    yield
    tf.config.run_functions_eagerly(before)


def in_process(function, chains, *_):
    """Stand-in for ``run_chains``: to start a worker takes longer than what it would compute."""
    return (function(*arguments) for chain in chains for arguments in chain)


@pytest.fixture
def one_process(monkeypatch):
    """No worker processes in a test."""
    monkeypatch.setattr("sionna_isac.study.compute.run_chains", in_process)


@pytest.fixture(scope="module")
def one_process_throughout():
    """No worker processes in a module, from the first test that asks for it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sionna_isac.study.compute.run_chains", in_process)
        yield
