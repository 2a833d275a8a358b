"""A PyTorch network as attack model.

Source: Shokri et al. 2017, section 5.3 (a fully connected network on the
target's answer and the true label). Deviations: standardised inputs, decoupled
weight decay (Loshchilov & Hutter 2019) and a one-cycle learning rate (Smith &
Topin 2019), which reach in 20 passes what plain Adam needs hundreds for.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from leakgauge.membership.held_out import learned
from leakgauge.targets.protocol import BoolArray, FloatArray

HIDDEN = (64, 32)
BATCH = 256
PASSES = 20
LEAST_STEPS = 100
LEARNING_RATE = 1e-2
WEIGHT_DECAY = 1e-3


def fit_and_score(known: FloatArray, member: BoolArray, unknown: FloatArray, *, seed: int) -> FloatArray:
    """(m,) probability of membership; see `AttackModel`."""
    # a generator of its own: the global one is shared by the threads that train other folds
    generator = torch.Generator().manual_seed(seed)
    mean, spread = known.mean(axis=0), known.std(axis=0)
    spread[spread == 0] = 1.0
    inputs = torch.from_numpy(((known - mean) / spread).astype(np.float32))
    answers = torch.from_numpy(member.astype(np.float32))
    network = _network(inputs.shape[1], generator)
    _train(network, inputs, answers, generator)
    with torch.inference_mode():
        logits = network(torch.from_numpy(((unknown - mean) / spread).astype(np.float32)))[:, 0]
        probability: FloatArray = torch.sigmoid(logits).numpy().astype(np.float64)
    return probability


def _network(width: int, generator: torch.Generator) -> nn.Sequential:
    layers: list[nn.Module] = []
    for units in HIDDEN:
        layers += [nn.Linear(width, units), nn.ReLU()]
        width = units
    network = nn.Sequential(*layers, nn.Linear(width, 1))
    for layer in network:
        if isinstance(layer, nn.Linear):
            nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu", generator=generator)
            nn.init.zeros_(layer.bias)
    return network


def _train(
    network: nn.Sequential, inputs: torch.Tensor, answers: torch.Tensor, generator: torch.Generator
) -> None:
    batches = -(-len(inputs) // BATCH)
    passes = max(PASSES, -(-LEAST_STEPS // batches))
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY, foreach=False, fused=True
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, total_steps=passes * batches)
    loss_of = nn.BCEWithLogitsLoss()
    for _ in range(passes):
        order = torch.randperm(len(inputs), generator=generator)
        for batch in torch.split(order, BATCH):
            optimiser.zero_grad()
            loss_of(network(inputs[batch])[:, 0], answers[batch]).backward()
            optimiser.step()
            schedule.step()


score = learned(fit_and_score)
