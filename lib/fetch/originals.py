"""The public originals: where each corpus comes from and what proves it whole.

GitHub may pack the archive of a commit anew with other bytes; the files of a commit stay. So these
corpora are proved by their files: ``listing`` is the SHA-256 of one line a file, ``path <tab> bytes
<tab> SHA-256``, sorted by path. The two speech archives are proved by their own SHA-256.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Original:
    """A corpus on the network.

    Parameters
    ----------
    name, url, licence : str
        The url is that of a .tar.gz archive.
    patterns : tuple of str
        Files to take, by path below the archive's ``strip`` outer folders.
    files, size, listing : int, int, str, optional
        Number, bytes and listing hash of those files.
    archive : str, optional
        SHA-256 of the archive itself.
    by_name_only : bool
        Not part of ``fetch all``.
    """

    name: str
    url: str
    licence: str
    patterns: tuple[str, ...] = ("*",)
    files: int | None = None
    size: int | None = None
    listing: str | None = None
    archive: str | None = None
    strip: int = 1
    by_name_only: bool = False

    @property
    def known(self) -> bool:
        """Whether a hash is known beforehand."""
        return bool(self.listing or self.archive)


def _github(repository: str, commit: str) -> str:
    return f"https://github.com/{repository}/archive/{commit}.tar.gz"


def _speech_commands(version: str, name: str, archive: str, by_name_only: bool) -> Original:
    url = f"http://download.tensorflow.org/data/speech_commands_{version}.tar.gz"
    return Original(name, url, "CC BY 4.0", archive=archive, strip=0, by_name_only=by_name_only)


_ALL = (
    Original(
        name="oltremare",
        url=_github("roccodm/tflite_on_raspberry", "7fed7982a8554c5bbd6bc300ce8d59bf3dc5d055"),
        licence="CC0 1.0",
        patterns=("spectrograms/POS_*.png", "spectrograms/NEG_*.png"),
        files=1646,
        size=70_621_878,
        listing="81a2a78b4b6d999743fa6e955523cd74e047e31b425fc0e4c7ab0202da4d6c83",
    ),
    Original(
        name="whistle_contours",
        url=_github("Loic-lhf/SIGWI", "88ac4d916f72d9442be97b4e3a91bd25a237d511"),
        licence="MIT",
        patterns=(
            "resources/DF-whistles/smooth/all/*.json",
            "resources/dtw_resources/contours_with_category.csv",
        ),
        files=13_585,
        size=42_705_057,
        listing="8bef56b5d5711c91d99a403c62044b4f1dda1b72872381e832af829189fcfd4c",
    ),
    Original(
        name="birdsong",
        url=_github("vocalpy/crowsetta", "87c5a4a9eb0b49fd3ca9d789a79998d645bcc271"),
        licence="CC BY 4.0 (BirdsongRecognition, Koumura)",
        patterns=(
            "tests/data_for_tests/birdsongrec/Bird0/Annotation.xml",
            "tests/data_for_tests/birdsongrec/Bird0/Wave/*.wav",
        ),
        files=136,
        size=89_280_817,
        listing="aebef27c7e13515039eeae7f29985f791f5df7ccdfebc9bd1e2dbf88f6c73a2c",
    ),
    Original(
        name="fsdd",
        url=_github(
            "Jakobovski/free-spoken-digit-dataset", "26eb9aaf76e81b692f806f9140c2d2777410d7a1"
        ),
        licence="CC BY-SA 4.0",
        patterns=("recordings/*.wav",),
        files=3000,
        size=21_128_848,
        listing="b68ff3b65ddc2e3582a923f73159721f96bbf4699f60a317f9eb5f4ef421025f",
    ),
    Original(
        name="household_noise",
        url=_github("karoldvl/ESC-10", "553c8f1743b9dba6b282e1323c3ca8fa76923448"),
        licence="CC BY 3.0 (ESC-10)",
        patterns=("0*/*.ogg",),
        files=400,
        size=41_493_576,
        listing="87682e29ccbda074ecf644fbd656d192202f2610b953e5d75dbb23fd7c268407",
    ),
    _speech_commands(
        "v0.01",
        "speech_commands",
        "743935421bb51cccdb6bdd152e04c5c70274e935c82119ad7faeec31780d811d",
        by_name_only=False,
    ),
    _speech_commands(
        "v0.02",
        "speech_commands_v0.02",
        "af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58",
        by_name_only=True,
    ),
    Original(
        name="orca",
        url=_github("orcasound/signals-srkw", "d98ef08455078174b842ab014f3b150236d3c75f"),
        licence="CC BY-NC-SA (Orcasound, as its README says)",
        patterns=("signals/processed/calls/Ford-Osborne-2018/mp3/FO-*.mp3",),
        by_name_only=True,
    ),
)
ORIGINALS = {original.name: original for original in _ALL}
