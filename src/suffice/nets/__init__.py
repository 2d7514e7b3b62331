"""Plain torch modules."""

from suffice.nets.latent import Gaussian
from suffice.nets.layout import LAYOUT, channels_last
from suffice.nets.prob_unet import MeanMask, ProbUNet
from suffice.nets.unet import ENCODERS, UNet
from suffice.nets.vae import VAE

__all__ = [
    "ENCODERS",
    "LAYOUT",
    "VAE",
    "Gaussian",
    "MeanMask",
    "ProbUNet",
    "UNet",
    "channels_last",
]
