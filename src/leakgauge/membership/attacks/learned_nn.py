"""A PyTorch network as attack model.

Source: Shokri et al. 2017, section 5.3 (a fully connected network on the
target's answer and the true label). Deviations: standardised inputs, decoupled
weight decay (Loshchilov & Hutter 2019) and a one-cycle learning rate (Smith &
Topin 2019), which reach in 20 passes what plain Adam needs hundreds for.

PyTorch comes with the optional extra `membership-nn`, and is imported when the attack is run.
"""

from __future__ import annotations

from collections.abc import Sequence

from threadpoolctl import threadpool_limits

from leakgauge.extras import keep_triton_out
from leakgauge.membership.held_out import Split, learned
from leakgauge.progress import Progress
from leakgauge.targets.protocol import BoolArray, FloatArray

LIBRARY = "torch"


def attack_model(
    features: FloatArray, member: BoolArray, splits: Sequence[Split], *, progress: Progress
) -> list[FloatArray]:
    """For each split, (m,) probability of membership; see `AttackModel`."""
    keep_triton_out()
    # imported before the threads are limited: the limit holds for the libraries that are there
    from leakgauge.membership.attack_networks import AttackNetworks

    # one thread: two are slower with matrices as small as these
    with threadpool_limits(1):
        networks = AttackNetworks(features, splits)
        networks.train(member, progress)
        return [networks.probability(number, split) for number, split in enumerate(splits)]


score = learned(attack_model)
