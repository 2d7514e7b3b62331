"""Plain torch modules."""

from suffice.nets.layout import LAYOUT, channels_last
from suffice.nets.unet import UNet

__all__ = ["LAYOUT", "UNet", "channels_last"]
