"""Keras layers that give the V4 autoencoder's mathematics several times faster than the stock ones.

Weights have the shapes and the order of the stock layers, so that ``set_weights`` moves them both
ways. On another Keras backend than TensorFlow the layers compute the plain way.
"""

from lib.layers.convolution import ConvMax, FusedDeconvolution
from lib.layers.recurrent import FusedLSTM
from lib.layers.sampling import Sampling, kl_divergence

__all__ = ["ConvMax", "FusedDeconvolution", "FusedLSTM", "Sampling", "kl_divergence"]
