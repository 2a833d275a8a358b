"""The networks of the attack `learned_nn`. The only module of the membership audit that needs PyTorch.

The networks of all splits are trained side by side: a step of networks as small
as these is mostly overhead, and is paid once for all. They share nothing but the
clock; each has its own records, weights and generator.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import nn
from torch.optim.adamw import adamw

from leakgauge.membership.held_out import Split
from leakgauge.progress import Progress
from leakgauge.targets.protocol import BoolArray, FloatArray

HIDDEN = (64, 32)
BATCH = 256
PASSES = 20
LEAST_STEPS = 100
LEARNING_RATE = 1e-2
WEIGHT_DECAY = 1e-3


class AttackNetworks:
    """One network for each split, whose weights lie side by side.

    Parameters
    ----------
    features
        (n, d) what is seen of every record of the pool.
    splits
        who is known to each network; every split must know as many records as the others.
    """

    def __init__(self, features: FloatArray, splits: Sequence[Split]) -> None:
        self._features = torch.from_numpy(features.astype(np.float32))
        self._known = torch.from_numpy(np.stack([split.known for split in splits]))
        mean = np.stack([features[split.known].mean(axis=0) for split in splits])
        spread = np.stack([features[split.known].std(axis=0) for split in splits])
        spread[spread == 0] = 1.0
        self._mean, self._spread = (torch.from_numpy(of[:, None].astype(np.float32)) for of in (mean, spread))
        # generators of their own: the global one belongs to the whole process
        self._generators = [torch.Generator().manual_seed(split.seed) for split in splits]
        widths = (features.shape[1], *HIDDEN, 1)
        self._weights = [nn.Parameter(self._drawn(before, after)) for before, after in pairwise(widths)]
        self._biases = [nn.Parameter(torch.zeros(len(splits), 1, width)) for width in widths[1:]]

    def _drawn(self, before: int, after: int) -> torch.Tensor:
        """(networks, before, after) weights at the start (He et al. 2015)."""
        layers = torch.empty(len(self._generators), after, before)
        for layer, generator in zip(layers, self._generators, strict=True):
            nn.init.kaiming_uniform_(layer, nonlinearity="relu", generator=generator)
        return layers.transpose(1, 2).contiguous()

    def _logits(self, rows: torch.Tensor, networks: slice) -> torch.Tensor:
        """(networks, rows) what the networks say of (networks, rows) records."""
        values = (self._features[rows] - self._mean[networks]) / self._spread[networks]
        last = len(self._weights) - 1
        for place, (weight, bias) in enumerate(zip(self._weights, self._biases, strict=True)):
            values = torch.baddbmm(bias[networks], values, weight[networks])
            if place < last:
                values = torch.relu(values)
        return values[:, :, 0]

    def train(self, member: BoolArray, progress: Progress) -> None:
        """Train every network on the records that its split knows; `member` (n,) is read of these alone."""
        known = self._known.shape[1]
        batches = -(-known // BATCH)
        passes = max(PASSES, -(-LEAST_STEPS // batches))
        steps = _Steps.of([*self._weights, *self._biases], passes * batches)
        answers = torch.from_numpy(member.astype(np.float32))
        loss_of = nn.BCEWithLogitsLoss(reduction="sum")
        for done in range(1, passes + 1):
            order = torch.stack([torch.randperm(known, generator=one) for one in self._generators])
            shuffled = self._known.gather(1, order)
            for rows in torch.split(shuffled, BATCH, dim=1):
                # the sum over networks of each one's mean
                loss = loss_of(self._logits(rows, slice(None)), answers[rows]) / rows.shape[1]
                steps.take(torch.autograd.grad(loss, steps.parameters))
            progress.report("training attack models", done / passes)

    @torch.inference_mode()
    def probability(self, number: int, split: Split) -> FloatArray:
        """(m,) probability of membership of the split's test records, by its own network."""
        rows = torch.from_numpy(split.test)[None]
        logits = self._logits(rows, slice(number, number + 1))[0]
        probability: FloatArray = torch.sigmoid(logits).numpy().astype(np.float64)
        return probability


@dataclass(frozen=True, slots=True)
class _Steps:
    """The steps of AdamW on a one-cycle schedule, with PyTorch's own arithmetic.

    `torch.optim.AdamW` and `OneCycleLR` do the same, but their first step imports PyTorch's compiler, which
    takes longer than to train a network here.

    Attributes
    ----------
    schedule
        learning rate and first beta of each step that is still to come.
    """

    parameters: list[torch.Tensor]
    means: list[torch.Tensor]
    squares: list[torch.Tensor]
    counts: list[torch.Tensor]
    schedule: Iterator[tuple[float, float]]

    @classmethod
    def of(cls, parameters: list[torch.Tensor], steps: int) -> _Steps:
        """Before the first of so many steps."""
        means, squares = ([torch.zeros_like(one) for one in parameters] for _ in range(2))
        counts = [torch.zeros(()) for _ in parameters]
        return cls(parameters, means, squares, counts, _one_cycle(steps))

    @torch.no_grad()
    def take(self, gradients: Sequence[torch.Tensor]) -> None:
        """Move the parameters by one step."""
        rate, beta = next(self.schedule)
        adamw(
            self.parameters,
            list(gradients),
            self.means,
            self.squares,
            [],
            self.counts,
            fused=True,
            amsgrad=False,
            beta1=beta,
            beta2=0.999,
            lr=rate,
            weight_decay=WEIGHT_DECAY,
            eps=1e-8,
            maximize=False,
        )


def _one_cycle(steps: int) -> Iterator[tuple[float, float]]:
    """Learning rate and first beta of each step: the rate rises for three tenths of them, then falls."""
    peak, last = 0.3 * steps - 1, steps - 1
    for step in range(steps):
        if step <= peak:
            yield _between(LEARNING_RATE / 25, LEARNING_RATE, step / peak), _between(0.95, 0.85, step / peak)
        else:
            done = (step - peak) / (last - peak)
            yield _between(LEARNING_RATE, LEARNING_RATE / 25e4, done), _between(0.85, 0.95, done)


def _between(start: float, end: float, done: float) -> float:
    """A value on a half cosine from `start` to `end`."""
    return end + (start - end) * (1.0 + math.cos(math.pi * done)) / 2.0
