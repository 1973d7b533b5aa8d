"""Room 1: the V4 encoder, its decoder, what trains them and what they are used for."""

from lib.encoder.architecture import CODE_SIZE, VERSIONS, build_decoder, build_encoder
from lib.encoder.archive import embed_archive, read_shard, shard_path
from lib.encoder.autoencoder import Autoencoder, build_autoencoder
from lib.encoder.cost import embed_by_window, embedding_cost
from lib.encoder.detector import build_silence_detector
from lib.encoder.embedding import embed, embed_and_detect, embed_frames, version_of
from lib.encoder.files import embed_file
from lib.encoder.models import load_decoder, load_encoder, save_autoencoder, shipped_folder
from lib.encoder.scores import contour_hits, explained_variance, frame_contours
from lib.encoder.windows import WindowBatches, frames_of, paired_frames

__all__ = [
    "CODE_SIZE",
    "VERSIONS",
    "Autoencoder",
    "WindowBatches",
    "build_autoencoder",
    "build_decoder",
    "build_encoder",
    "build_silence_detector",
    "contour_hits",
    "embed",
    "embed_and_detect",
    "embed_archive",
    "embed_by_window",
    "embed_file",
    "embed_frames",
    "embedding_cost",
    "explained_variance",
    "frame_contours",
    "frames_of",
    "load_decoder",
    "load_encoder",
    "paired_frames",
    "read_shard",
    "save_autoencoder",
    "shard_path",
    "shipped_folder",
    "version_of",
]
