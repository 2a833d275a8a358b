"""MI-Face: gradient descent on the class's probability, by an attacker who owns the model file.

Fredrikson, Jha & Ristenpart 2015, "Model Inversion Attacks that Exploit Confidence
Information and Basic Countermeasures", algorithm 1, with its cost 1 − p, its step
of .1 and its window of 100 iterations, without the auto-encoder's processing. It
stops as the paper says: when the cost is as small as asked for, or as large as the
largest in the window. Departures: pixels are kept between 0 and 1, and the run
starts from the image that all attacks start from.

A white-box reference beside the attacks that only ask, and never a part of their
verdict: a search over single pixels ends in noise.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from leakgauge.attacks.row import Unsuited
from leakgauge.inversion.protocol import AttackSettings, CurvePoint, Frame, Reconstructed
from leakgauge.progress import Progress
from leakgauge.targets.protocol import Target

STEP = 0.1
WINDOW = 100
ENOUGH = 0.01
"""Cost at which the class counts as reached: the target is 99 % sure."""
CURVE_POINTS = 60


def reconstruct(
    target: Target,
    target_class: int,
    *,
    budget: int,
    rng: np.random.Generator,
    progress: Progress,
    settings: AttackSettings,
) -> Reconstructed:
    """Reconstruct the class along the network's own gradient; see `protocol.Reconstruct`.

    Nothing in it is random: there is one run whatever the number of seeds, so its
    figures have no interval. It sends no query; it reads the file.
    """
    del target, rng, budget
    network = settings.network
    if network is None:
        raise Unsuited("It follows the model's gradient, which an ONNX file does not give.")
    image = settings.space.start[None].copy()
    last = settings.iterations[-1]
    every = max(1, last // CURVE_POINTS)
    step = settings.learning_rate or STEP
    best, least = image, np.inf
    window: deque[float] = deque(maxlen=WINDOW)
    frames: list[Frame] = []
    curve: list[CurvePoint] = []
    running = True
    for iteration in range(1, last + 1):
        if running:
            progress.report(f"reconstructing class {target_class} by gradient", (iteration - 1) / last)
            probability, gradient = network.probability_gradient(image, target_class)
            cost = float(1.0 - probability[0])
            if cost < least:
                best, least = image, cost
            running = cost > ENOUGH and not (len(window) == WINDOW and cost >= max(window))
            window.append(cost)
            if iteration == 1 or iteration % every == 0 or iteration == last or not running:
                curve.append(CurvePoint(iteration, 0, cost, float(probability[0])))
            image = np.clip(image + np.float32(step) * gradient, 0.0, 1.0)
        if iteration in settings.iterations:
            frames.append(Frame(iteration, 0, best))
    return Reconstructed(tuple(frames), tuple(curve))
