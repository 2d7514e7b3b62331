"""From a preprocessed store to weights: plan, losses, batches, loop, checkpoint, inference."""
