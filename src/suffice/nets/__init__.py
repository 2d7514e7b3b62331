"""Plain torch modules."""

from suffice.nets.latent import Gaussian
from suffice.nets.layout import LAYOUT, channels_last
from suffice.nets.nnunet import NnUNet
from suffice.nets.norm import InstanceNormAct, SeenNormAct
from suffice.nets.prob_unet import EachMask, MeanMask, ProbUNet
from suffice.nets.unet import ENCODERS, UNet
from suffice.nets.vae import SIDES, VAE, AnomalyLogits, AnomalyRule, average, residual

__all__ = [
    "ENCODERS",
    "LAYOUT",
    "SIDES",
    "VAE",
    "AnomalyLogits",
    "AnomalyRule",
    "EachMask",
    "Gaussian",
    "InstanceNormAct",
    "MeanMask",
    "NnUNet",
    "ProbUNet",
    "SeenNormAct",
    "UNet",
    "average",
    "channels_last",
    "residual",
]
