"""Trained encoders and decoders on disk: the shipped ones in data/, and one's own."""

from __future__ import annotations

from pathlib import Path

import keras

from lib.audio import atomic
from lib.encoder.architecture import CODE_SIZE, WINDOW_SHAPE, build_decoder, build_encoder
from lib.encoder.autoencoder import Autoencoder

SHIPPED = Path(__file__).resolve().parents[2] / "data"


def shipped_folder(version: str = "4.4", corpus: str = "sea") -> Path:
    """Folder in data/ that holds an encoder trained at full scale, its decoder and its log."""
    return SHIPPED / f"encoder_v{version}_{corpus}"


def save_autoencoder(model: Autoencoder, folder: str | Path) -> None:
    """Write ``encoder.keras`` and ``decoder.keras`` into a folder, whole or not at all.

    Raises
    ------
    OSError
        If the disk is full or the folder cannot be written; older files there stay as they were.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for part in ("encoder", "decoder"):
        with atomic(folder / f"{part}.keras") as temporary:
            getattr(model, part).save(temporary)


def load_encoder(folder: str | Path | None = None, version: str = "4.4") -> keras.Model:
    """Load a trained encoder, in Keras' safe mode.

    Parameters
    ----------
    folder : path, optional
        As `save_autoencoder` wrote it; by default the shipped encoder of the sea.
    version : {"4.1", "4.2", "4.4"}
        The version that is expected there.

    Raises
    ------
    FileNotFoundError
        If there is none, naming the command that trains one.
    ValueError
        If the file is damaged, or holds another model or version.

    Notes
    -----
    Used by notebooks 03, 04 and 09.
    """
    return _load(folder, version, "encoder", WINDOW_SHAPE)


def load_decoder(folder: str | Path | None = None, version: str = "4.4") -> keras.Model:
    """Load a trained decoder; as `load_encoder`."""
    return _load(folder, version, "decoder", (CODE_SIZE,))


def _load(folder, version: str, part: str, shape: tuple) -> keras.Model:
    path = Path(folder or shipped_folder(version)) / f"{part}.keras"
    if not path.exists():
        raise FileNotFoundError(
            f"{path} is missing; train it: python -m lib.encoder.train {version} "
            f"--output {path.parent}"
        )
    try:
        model = keras.saving.load_model(path, compile=False)
    except Exception as error:  # Keras raises whatever the broken part raised.
        raise ValueError(f"{path} is damaged ({error}); train it again or restore it.") from error
    expected = f"{part}_v{version.replace('.', '_')}"
    if model.name != expected or model.input_shape[1:] != shape:
        raise ValueError(
            f"{path} holds {model.name!r} on inputs of {model.input_shape[1:]}, not {expected!r} "
            f"on {shape}; ask for its own version or train this one."
        )
    # Whichever layers it was saved with, it is loaded with the fast ones.
    fast = (build_encoder if part == "encoder" else build_decoder)(version=version)
    fast.set_weights(model.get_weights())
    return fast
