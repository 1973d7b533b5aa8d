"""Training goes on where it was killed, and says so in its log."""

import os
import platform
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from lib import training

SCRIPT = """
import sys, time, numpy as np, keras
from lib import training
keras.utils.set_random_seed(0)
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile(keras.optimizers.Adam(0.05), "mse")
x = np.random.default_rng(0).normal(size=(64, 4)); y = x.sum(axis=1, keepdims=True)
pause = keras.callbacks.LambdaCallback(on_batch_end=lambda batch, logs: time.sleep(float(sys.argv[2])))
log = training.fit(model, (x, y), 12, sys.argv[1], callbacks=[pause])
print(int(model.optimizer.iterations))
"""


def run(folder, pause):
    command = [sys.executable, "-c", SCRIPT, str(folder), str(pause)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_killed_training_goes_on_to_the_same_number_of_steps(tmp_path):
    first = run(tmp_path, 0.1)
    deadline = time.monotonic() + 120
    while not (tmp_path / "log.csv").exists() or len(training_rows(tmp_path)) < 3:
        assert time.monotonic() < deadline and first.poll() is None
        time.sleep(0.05)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    done = len(training_rows(tmp_path))
    assert 3 <= done < 12
    second = run(tmp_path, 0)
    steps = int(second.communicate(timeout=120)[0].strip().splitlines()[-1])
    log = training.read_log(tmp_path)
    assert log["epoch"].tolist() == list(range(12))
    # Two batches of 32 an epoch, and the optimiser's own count went through the kill.
    assert steps == 24
    assert log["loss"].iloc[-1] < log["loss"].iloc[0]


def training_rows(folder):
    return [r for r in (folder / "log.csv").read_text().splitlines()[1:] if r]


def test_a_finished_run_is_not_trained_again(tmp_path):
    import keras

    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    data = np.ones((8, 2)), np.zeros((8, 1))
    training.fit(model, data, 2, tmp_path)
    before = model.get_weights()
    log = training.fit(model, data, 2, tmp_path)
    assert len(log) == 2
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_without_a_folder_the_history_comes_back_and_nothing_is_written(tmp_path, monkeypatch):
    import keras

    monkeypatch.chdir(tmp_path)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    log = training.fit(model, (np.ones((8, 2)), np.zeros((8, 1))), 3)
    assert log["epoch"].tolist() == [0, 1, 2]
    assert not list(tmp_path.iterdir())


def test_scale_is_laptop_unless_asked(monkeypatch):
    monkeypatch.delenv("SCALE", raising=False)
    assert training.scale() == "laptop"
    monkeypatch.setenv("SCALE", "paper")
    assert training.scale() == "paper"
    monkeypatch.setenv("SCALE", "huge")
    with pytest.raises(ValueError, match="SCALE"):
        training.scale()


def test_a_log_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="log.csv"):
        training.read_log(tmp_path)


FAULTS = """
import resource, sys, numpy as np
from lib import training
if sys.argv[1] == "keep":
    assert training.keep_freed_memory()
def blocks(n):
    for _ in range(n):
        np.ones((16, 1024, 1024), np.float32)
blocks(2)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
blocks(10)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has these settings")
def test_kept_memory_is_not_faulted_in_again():
    faults = {
        way: int(subprocess.check_output([sys.executable, "-c", FAULTS, way]))
        for way in ("keep", "plain")
    }
    assert faults["keep"] * 10 < faults["plain"]
