"""Training that can be repeated, watched and resumed.

Every notebook reads its scale here, and every long run goes through `fit`: a run that is killed
starts again where its last whole epoch ended.
"""

from __future__ import annotations

import ctypes
import os
import platform
from pathlib import Path

import pandas as pd

from lib.audio import atomic

SCALES = ("laptop", "paper")


def scale() -> str:
    """Scale of this run: ``laptop`` (minutes, the default) or ``paper`` (hours), from ``SCALE``.

    Raises
    ------
    ValueError
        If the environment variable ``SCALE`` holds anything else.
    """
    value = os.environ.get("SCALE", "laptop")
    if value not in SCALES:
        raise ValueError(f"SCALE is {value!r}; set it to one of {', '.join(SCALES)}.")
    return value


def keep_freed_memory() -> bool:
    """Ask glibc to keep freed memory for the next step instead of handing it back to the system.

    A training step allocates and frees hundreds of megabytes. By default each large block is
    mapped anew, and the kernel clears every page of it again: 100,000 page faults a step of v4.4.

    Returns
    -------
    bool
        Whether it was done; other C libraries are left as they are.

    Notes
    -----
    `fit` calls it. Notebook 09 shows what it saves.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    # The numbers of malloc.h; the trim threshold is the largest that the call takes.
    mmap_max, trim_threshold, top_pad, arena_max = -4, -1, -2, -8
    settings = {mmap_max: 0, trim_threshold: 2**31 - 1, top_pad: 2**26, arena_max: 1}
    mallopt = ctypes.CDLL(None).mallopt
    return all(mallopt(name, value) == 1 for name, value in settings.items())


def fit(
    model,
    data,
    epochs: int,
    folder: str | os.PathLike | None = None,
    validation_data=None,
    callbacks=(),
    tensorboard: bool = False,
    verbose: int = 0,
) -> pd.DataFrame:
    """Fit a compiled Keras model; with a ``folder``, log every epoch and resume after a kill.

    Parameters
    ----------
    model : keras.Model
        Compiled.
    data : keras.utils.PyDataset, tf.data.Dataset or (inputs, targets)
        A pair of arrays is batched by Keras' default of 32; pass a dataset for other sizes.
    epochs : int
        Epochs in total, those before an interruption included.
    folder : path, optional
        Holds ``log.csv`` and the training state (weights, optimiser) after the last whole epoch,
        which is written under another name and renamed: a kill at any moment leaves one whole.
    validation_data, callbacks, verbose
        As in ``keras.Model.fit``.
    tensorboard : bool
        Also write TensorBoard events below ``folder``.

    Returns
    -------
    DataFrame
        One row an epoch, earlier runs in the same folder included.

    Notes
    -----
    Used by notebooks 02 and 09.
    """
    keep_freed_memory()
    inputs, targets = data if isinstance(data, tuple) else (data, None)
    callbacks, first = list(callbacks), 0
    if folder:
        callbacks += _keepers(Path(folder), tensorboard)
        first = _restore(model, Path(folder))
    history = model.fit(
        inputs,
        targets,
        epochs=epochs,
        initial_epoch=first,
        validation_data=validation_data,
        callbacks=callbacks,
        verbose=verbose,
    )
    if folder:
        return read_log(folder)
    return pd.DataFrame(history.history).rename_axis("epoch").reset_index()


def read_log(folder: str | os.PathLike) -> pd.DataFrame:
    """Log of a run, one row an epoch; an epoch that a kill made run twice counts once, the last."""
    path = Path(folder) / "log.csv"
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: no training run has ended an epoch there yet.")
    log = pd.read_csv(path)
    return log.drop_duplicates("epoch", keep="last").reset_index(drop=True)


def _keepers(folder: Path, tensorboard: bool) -> list:
    """Callbacks that write to disk; the state is last, so that no epoch is kept unlogged."""
    import keras

    folder.mkdir(parents=True, exist_ok=True)
    keepers = [keras.callbacks.CSVLogger(str(folder / "log.csv"), append=True)]
    if tensorboard:
        keepers.append(keras.callbacks.TensorBoard(str(folder / "tensorboard")))

    def keep_state(epoch, logs=None):
        older = _states(folder)
        with atomic(folder / f"epoch-{epoch + 1:05d}.weights.h5") as temporary:
            keepers[0].model.save_weights(temporary)
        for state in older:
            state.unlink()

    return [*keepers, keras.callbacks.LambdaCallback(on_epoch_end=keep_state)]


def _states(folder: Path) -> list[Path]:
    """Training states in a folder, the latest last: weights and optimiser, the epoch in the name."""
    return sorted(folder.glob("epoch-*.weights.h5"))


def _restore(model, folder: Path) -> int:
    """Bring a model to its latest state in ``folder``; epochs it has had."""
    states = _states(folder)
    if not states:
        return 0
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    model.load_weights(states[-1])
    return int(states[-1].name[len("epoch-") :].split(".")[0])
