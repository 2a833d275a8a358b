"""Projected gradient descent as SecML-Torch has it (`secmlt.adv.evasion.pgd`), on a Keras network.

Madry et al. 2018, "Towards Deep Learning Models Resistant to Adversarial Attacks", section 2.1:
steps along the sign of the gradient of the cross-entropy, within the ball of the maximum norm,
from a random start. The library's own implementation runs with all of its settings but those
here. PyTorch follows the model through the log probabilities and the vector-Jacobian product
that TensorFlow computes; nothing is converted.
"""

from __future__ import annotations

from typing import Any

import torch
from secmlt.adv.backends import Backends
from secmlt.adv.evasion.perturbation_models import LpPerturbationModels
from secmlt.adv.evasion.pgd import PGD
from torch.utils.data import DataLoader, TensorDataset

from leakgauge.images.image import Images
from leakgauge.targets.images.facts import Network
from leakgauge.targets.protocol import IntArray

STEPS = 20
REACH = 2.5
"""All steps together, in radii, so that an image can get from anywhere in the ball to its edge."""
MOST_AT_A_TIME = 256
NUMBERS_AT_A_TIME = 400_000
"""Pixels and channels whose gradients are held at a time, besides what the layers between hold."""


def evade(network: Network, images: Images, labels: IntArray, *, radius: float, seed: int) -> Images:
    """(n, height, width, channels) images that the network should no longer take for their class.

    Parameters
    ----------
    images
        (n, height, width, channels) in [0, 1].
    labels
        (n,) their classes.
    radius
        the most by which a pixel may be changed.
    """
    attack = PGD(
        perturbation_model=LpPerturbationModels.LINF,
        epsilon=radius,
        num_steps=STEPS,
        step_size=REACH * radius / STEPS,
        random_start=True,
        backend=Backends.NATIVE,
    )
    batch = min(MOST_AT_A_TIME, max(1, NUMBERS_AT_A_TIME // images[0].size))
    given = DataLoader(TensorDataset(torch.tensor(images), torch.tensor(labels)), batch_size=batch)
    with torch.random.fork_rng(devices=[]):  # its random start comes from the global generator
        torch.manual_seed(seed)
        found: Images = torch.cat([changed for changed, _ in attack(_Followed(network), given)]).numpy()
    return found


class _Followed(torch.nn.Module):
    """The network as a module of PyTorch: log probabilities are scores that softmax leaves alone."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self._network = network
        # the library asks a parameter, of which there must be one, for the device that it is on
        self._place = torch.nn.Parameter(torch.empty(0), requires_grad=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(n, n_classes) scores."""
        scores: torch.Tensor = _LogProbabilities.apply(images, self._network)  # type: ignore[no-untyped-call]  # as it comes from PyTorch
        return scores


class _LogProbabilities(torch.autograd.Function):
    """TensorFlow's forward and backward passes as one step of PyTorch's graph."""

    @staticmethod
    def forward(ctx: Any, images: torch.Tensor, network: Network) -> torch.Tensor:
        """(n, n_classes) log probabilities."""
        ctx.network = network
        ctx.save_for_backward(images)
        return torch.tensor(network.log_probabilities(images.numpy()))

    @staticmethod
    def backward(ctx: Any, weights: torch.Tensor) -> tuple[torch.Tensor, None]:
        """The gradient with respect to the images; the network itself has none."""
        (images,) = ctx.saved_tensors
        gradient = ctx.network.log_probability_gradient(images.numpy(), weights.numpy())
        return torch.tensor(gradient), None
