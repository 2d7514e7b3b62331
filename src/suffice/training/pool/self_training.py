"""Self-training in rounds: the pool is labelled by the model of the moment, then learned from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from suffice.augment import Chance, augment_batch
from suffice.files import writing_folder
from suffice.training.batches import PatchSampler
from suffice.training.inference import predict_probabilities
from suffice.training.losses import deep_loss
from suffice.training.objective import Step
from suffice.training.plan import Plan
from suffice.training.pool.feed import PoolFeed
from suffice.training.pool.strategy import PoolStrategy, together
from suffice.training.store import StoredCase, foreground_points

# Parts of the time at which the pool is labelled anew.
ROUNDS = (0.3, 0.6, 0.8)


class SelfTraining(PoolStrategy):
    """Label the pool with the averaged weights, some times in a training, and learn from it.

    Voxels of which the model is not sure have no part in the loss. Labelled once, the pool costs
    no pass more than labelled cases do, which on a CPU is what counts; patches are changed as
    strongly as labelled ones, so that the student has more to learn than its teacher knew.

    Parameters
    ----------
    folder : Path
        Where the pool's labels of each round are kept, so that a killed training goes on alike.
    first : Path, optional
        ``NAME.npy`` for cases of the pool: probabilities of the classes ``(K, *spatial)`` by
        something that knew them before the training. They are learned from at once, and have half
        a say in each round: their errors are others than the model's.
    sure : float
        Least probability of a class that is learned from.

    References
    ----------
    Lee 2013, Pseudo-Label; Xie et al. 2020, https://arxiv.org/abs/1911.04252
    """

    name: ClassVar[str] = "self-training"

    def __init__(
        self,
        feed: PoolFeed,
        folder: Path,
        *,
        first: Path | None = None,
        weight: float = 1.0,
        sure: float = 0.7,
    ) -> None:
        super().__init__(feed, weight=weight)
        self.folder, self.first, self.sure = folder, first, sure
        self.begins = 0.0 if any(map(self._known, feed.cases)) else ROUNDS[0]
        self._open: tuple[int, tuple[StoredCase, ...]] = (0, ())

    def build(self, plan: Plan) -> nn.Module:
        """Make the network, and remember how it is to be run over whole scans."""
        self.plan = plan
        return super().build(plan)

    def loss(
        self, network: nn.Module, images: Tensor, targets: Tensor, step: Step
    ) -> tuple[Tensor, Tensor]:
        """Loss on labelled patches and, once it has labels, on the pool."""
        if step.fraction < self.begins:
            return self.supervised(network, images, targets, step)
        n_pool = max(1, len(images) // 2)
        n_own = max(1, len(images) - n_pool)
        return self.both(network, images[:n_own], targets[:n_own], n_pool, step)

    def both(
        self, network: nn.Module, images: Tensor, targets: Tensor, n_pool: int, step: Step
    ) -> tuple[Tensor, Tensor]:
        """Run labelled patches and labelled ones of the pool as one batch."""
        pooled, taught = self._draw(n_pool, step, images.device)
        with step.device.autocast():
            logits = network(together(images, pooled))
        n_own = len(images)
        loss, dice = deep_loss([x[:n_own] for x in logits], targets)
        other, _ = deep_loss([x[n_own:] for x in logits], taught)
        return (loss + self.weight * other) / (1 + self.weight), dice

    def _draw(self, n: int, step: Step, device: torch.device) -> tuple[Tensor, Tensor]:
        """Patches of the pool, and class fractions with the share that nobody is sure of last."""
        cases = self._labelled(sum(step.fraction >= begins for begins in ROUNDS), step)
        rng = np.random.default_rng(Chance(step.generator).seed())
        sampler = PatchSampler(
            cases,
            patch_size=self.feed.patch_size,
            batch_size=n,
            foreground=self.plan.foreground,
            rng=rng,
        )
        images, labels = sampler.draw()
        changed, fractions = augment_batch(
            images.to(device),
            labels.to(device),
            self.plan.n_classes + 1,
            self.feed.augmentation,
            self.feed.spacing,
            step.generator,
            self.feed.hounsfield,
        )
        return changed, fractions

    def _labelled(self, number: int, step: Step) -> tuple[StoredCase, ...]:
        """Give the pool with its labels of a round, made when they are first asked for."""
        folder = self.folder / f"round{number}"
        if not folder.exists():
            with writing_folder(folder) as partial:
                for i, case in enumerate(self.feed.cases):
                    # Before the first round the model has no say.
                    if number or self._known(case):
                        shares = self._shares(case, step if number else None)
                        np.save(partial / f"{i}.npy", self._classes(shares))
        if self._open[0] != number or not self._open[1]:
            self._open = number, self._opened(folder)
        return self._open[1]

    def _opened(self, folder: Path) -> tuple[StoredCase, ...]:
        found = []
        for i, case in enumerate(self.feed.cases):
            path = folder / f"{i}.npy"
            if not path.exists():
                continue
            labels = np.load(path, mmap_mode="r")
            unlabelled = self.plan.n_classes
            points = foreground_points([labels], np.random.default_rng(i), unlabelled=unlabelled)
            found.append(replace(case, labels=labels, points=points))
        return tuple(found)

    def _known(self, case: StoredCase) -> bool:
        return self.first is not None and (self.first / f"{case.name}.npy").exists()

    def _shares(self, case: StoredCase, step: Step | None) -> npt.NDArray[np.floating]:
        """Probabilities of the classes on a scan by what was known first, the model, or both."""
        found = []
        if self.first is not None and self._known(case):
            found.append(np.load(self.first / f"{case.name}.npy"))
        if step is not None:
            found.append(
                predict_probabilities(
                    step.average.eval(),
                    case.image,
                    patch_size=self.plan.patch_size,
                    divisible_by=self.plan.divisible_by,
                    n_classes=self.plan.n_classes,
                    device=step.device.device,
                    slicewise=self.plan.slice_axis is not None,
                )
            )
        mean: npt.NDArray[np.floating] = np.mean(found, axis=0, dtype=np.float32)
        return mean

    def _classes(self, shares: npt.NDArray[np.floating]) -> npt.NDArray[np.uint8]:
        """Class of each voxel; one more than the last where nobody is sure."""
        classes: npt.NDArray[np.uint8] = shares.argmax(0).astype(np.uint8)
        classes[shares.max(0) < self.sure] = self.plan.n_classes
        return classes
