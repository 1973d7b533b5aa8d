"""Read recordings of any format and rate as mono sound, refusing what is not one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
import soxr

from lib.audio.riff import promised_bytes

SAMPLE_RATE = 48_000
# Below two thirds of the wanted rate the upper third of the band would be empty after resampling.
LOWEST_RATE_SHARE = 2 / 3
SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")


class AudioError(ValueError):
    """A sound that cannot be used; the message names the file and the cure."""


def read(
    path: str | Path,
    sample_rate: int = SAMPLE_RATE,
    shortest: float = 0.0,
    allow_low_rate: bool = False,
    allow_silence: bool = True,
) -> np.ndarray:
    """Read a wav, flac, ogg or mp3 file as mono sound at ``sample_rate``.

    Parameters
    ----------
    path : path
    sample_rate : int
        Rate of the result in Hz; channels are averaged, then soxr resamples.
    shortest : float
        Least duration in seconds, for instance one window.
    allow_low_rate : bool
        Also take files recorded below two thirds of ``sample_rate``. They hold nothing in the
        upper part of the band, so the 48 kHz recipe refuses them by default.
    allow_silence : bool
        Whether a file of zeros passes (as zeros) or raises.

    Returns
    -------
    float32 array (samples,)

    Raises
    ------
    AudioError
        Missing, unreadable, empty, truncated, not a sound, too short, NaN, or of too low a rate.

    Notes
    -----
    Used by every notebook that reads recordings.
    """
    with open_sound(path) as sound:
        check_rate(sound.samplerate, sample_rate, path, allow_low_rate)
        signal = _read_frames(sound, path)
        signal = resample(signal, sound.samplerate, sample_rate)
    return check(signal, str(path), sample_rate, shortest, allow_silence)


def blocks(
    path: str | Path,
    seconds: float = 60.0,
    overlap: float = 0.0,
    sample_rate: int = SAMPLE_RATE,
    allow_low_rate: bool = False,
) -> Iterator[tuple[float, np.ndarray]]:
    """Yield (start in s, float32 block) over a long file, memory flat in its length.

    Neighbouring blocks share ``overlap`` seconds, so that no window is lost at a border. Without
    overlap the blocks joined equal `read`. Errors are those of `read`.
    """
    length, shared = round(seconds * sample_rate), round(overlap * sample_rate)
    if not 0 <= shared < length:
        raise ValueError(f"overlap ({overlap} s) must be at least 0 and below {seconds} s.")
    start, buffer = 0, np.empty(0, np.float32)
    with open_sound(path) as sound:
        check_rate(sound.samplerate, sample_rate, path, allow_low_rate)
        for piece in _resampled_pieces(sound, path, sample_rate):
            buffer = np.concatenate([buffer, check(piece, str(path))])
            while len(buffer) >= length:
                yield start / sample_rate, buffer[:length].copy()
                buffer = buffer[length - shared :]
                start += length - shared
    if start == 0 or len(buffer) > shared:
        yield start / sample_rate, buffer


@contextlib.contextmanager
def open_sound(path: str | Path) -> Iterator[soundfile.SoundFile]:
    """Open a sound file, turning every way it can be bad into an `AudioError` that says so."""
    path = Path(path)
    _check_file(path)
    try:
        sound = soundfile.SoundFile(path)
    except soundfile.LibsndfileError as error:
        raise AudioError(
            f"{path} is not a sound file ({error.error_string.strip()}): "
            "export it again as WAV or FLAC."
        ) from error
    with sound:
        if sound.frames == 0:
            raise AudioError(f"{path} holds a header but no samples: record or export it again.")
        yield sound


def duration(path: str | Path) -> float:
    """Duration of a sound file in seconds, from its header."""
    with open_sound(path) as sound:
        return sound.frames / sound.samplerate


def inspect(
    path: str | Path,
    shortest: float = 0.0,
    allow_low_rate: bool = False,
    check_samples: bool = True,
) -> float:
    """Duration of a file in s, or the `AudioError` that `read` would raise; memory stays flat."""
    with open_sound(path) as sound:
        check_rate(sound.samplerate, SAMPLE_RATE, path, allow_low_rate)
        check_duration(sound.frames / sound.samplerate, str(path), shortest)
        while check_samples and sound.tell() < sound.frames:
            check(_read_frames(sound, path, 60 * sound.samplerate), str(path), sound.samplerate)
        return sound.frames / sound.samplerate


def check_rate(
    source_rate: int, target_rate: int, path: str | Path, allow_low_rate: bool = False
) -> None:
    """Raise `AudioError` if a file's rate leaves the upper part of the wanted band empty."""
    if source_rate < LOWEST_RATE_SHARE * target_rate and not allow_low_rate:
        raise AudioError(
            f"{path} was recorded at {source_rate} Hz and holds nothing above "
            f"{source_rate / 2000:g} kHz, but sound at {target_rate} Hz is wanted: use a recording "
            f"of {LOWEST_RATE_SHARE * target_rate:.0f} Hz or more, or allow_low_rate=True."
        )


def check_duration(seconds: float, name: str, shortest: float) -> None:
    """Raise `AudioError` if a sound is shorter than it must be."""
    if seconds < shortest:
        raise AudioError(
            f"{name} lasts {seconds:.3f} s, shorter than the {shortest:.3f} s "
            "that are needed: use a longer recording."
        )


def check(
    signal: np.ndarray,
    name: str,
    sample_rate: int = SAMPLE_RATE,
    shortest: float = 0.0,
    allow_silence: bool = True,
) -> np.ndarray:
    """Return the signal, or raise `AudioError` if it has NaN, is too short or (if asked) silent."""
    bad = np.flatnonzero(~np.isfinite(signal))
    if len(bad):
        raise AudioError(
            f"{name} has {len(bad)} samples that are NaN or infinite, the first at "
            f"{bad[0] / sample_rate:.3f} s: cut them out or export the file again."
        )
    check_duration(len(signal) / sample_rate, name, shortest)
    if not allow_silence and not np.any(signal):
        raise AudioError(f"{name} holds only zeros: check the cable and the gain, or leave it out.")
    return signal


def samples(signal: np.ndarray, sample_rate: int, wanted_rate: int, fewest: int) -> np.ndarray:
    """A sound in memory as finite float32 samples of one channel.

    Raises
    ------
    ValueError
        For another rate than the wanted one, several channels, fewer samples than the
        ``fewest`` (a frame), NaN or infinite samples.
    """
    signal = np.asarray(signal, np.float32)
    if sample_rate != wanted_rate:
        raise ValueError(
            f"A sound at {wanted_rate} Hz is wanted, this one has {sample_rate} Hz; "
            "resample it first with lib.audio.resample."
        )
    if signal.ndim != 1:
        raise ValueError(f"Expected one channel, got shape {signal.shape}; mix down to mono first.")
    if len(signal) < fewest:
        raise ValueError(f"{len(signal)} samples are shorter than one frame of {fewest}.")
    if not np.isfinite(signal).all():
        raise ValueError("The signal holds NaN or infinite samples; repair or cut them out first.")
    return signal


def resample(signal: np.ndarray, source_rate: int, target_rate: int) -> np.ndarray:
    """Mono float32 signal at another rate, by soxr at high quality."""
    signal = np.asarray(signal, np.float32)
    if source_rate == target_rate:
        return signal
    return soxr.resample(signal, source_rate, target_rate, quality="HQ")


def _check_file(path: Path) -> None:
    if not path.exists():
        raise AudioError(f"{path} does not exist: check the folder and the spelling.")
    try:
        promised, present = promised_bytes(path)
    except OSError as error:
        raise AudioError(f"{path} cannot be read ({error.strerror}): check its rights.") from error
    if path.stat().st_size == 0:
        raise AudioError(f"{path} is empty (0 bytes): copy or record it again.")
    if promised > present:
        raise AudioError(
            f"{path} is truncated: its header promises {promised} bytes of sound, {present} are "
            "there. Copy it again."
        )


def _read_frames(sound: soundfile.SoundFile, path: str | Path, frames: int = -1) -> np.ndarray:
    """The next frames as mono; the mean of the channels, so that clipping cannot arise."""
    wanted = sound.frames - sound.tell() if frames < 0 else frames
    wanted = min(wanted, sound.frames - sound.tell())
    try:
        signal = sound.read(wanted, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise AudioError(f"{path} is damaged ({error.error_string}): copy it again.") from error
    if len(signal) < wanted:
        raise AudioError(f"{path} is truncated: {len(signal)} of {wanted} samples; copy it again.")
    return signal.mean(axis=1, dtype=np.float32)


def _resampled_pieces(
    sound: soundfile.SoundFile, path: str | Path, sample_rate: int
) -> Iterator[np.ndarray]:
    stream = soxr.ResampleStream(sound.samplerate, sample_rate, 1, dtype="float32", quality="HQ")
    while sound.tell() < sound.frames:
        piece = _read_frames(sound, path, 10 * sound.samplerate)
        last = sound.tell() == sound.frames
        same_rate = sound.samplerate == sample_rate
        yield piece if same_rate else stream.resample_chunk(piece, last=last)
