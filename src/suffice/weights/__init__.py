"""Trained weights of others: read as data, named in our terms, fitted to a network of ours."""

from suffice.weights.adapting import Rules
from suffice.weights.files import Weights, read_weights
from suffice.weights.matching import Account, take

__all__ = ["Account", "Rules", "Weights", "read_weights", "take"]
