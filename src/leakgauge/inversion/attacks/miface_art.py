"""MI-Face as the Adversarial Robustness Toolbox has it (`art.attacks.inference.model_inversion`).

Fredrikson, Jha & Ristenpart 2015. Run with the toolbox's own settings but for the
start, the iterations and the threshold: as of 1.20 its stop rule goes on while the
cost is *small*, so that with any threshold below 1 it stops after one step; 1 makes
it run for as long as it is told. Needs the optional extra `reference`.
"""

from __future__ import annotations

import numpy as np

from leakgauge.attacks.row import Unsuited
from leakgauge.images.image import Images
from leakgauge.inversion.protocol import AttackSettings, CurvePoint, Frame, Reconstructed
from leakgauge.progress import Progress
from leakgauge.targets.images.facts import scaling
from leakgauge.targets.protocol import Target

LIBRARY = "art"
STEP = 0.1


def reconstruct(
    target: Target,
    target_class: int,
    *,
    budget: int,
    rng: np.random.Generator,
    progress: Progress,
    settings: AttackSettings,
) -> Reconstructed:
    """Reconstruct the class with the toolbox; see `protocol.Reconstruct`. One run, without a query."""
    del rng, budget
    network = settings.network
    if network is None:
        raise Unsuited("It follows the model's gradient, which an ONNX file does not give.")
    facts = network.facts
    if facts.output != "probabilities" or facts.rows == "independent":
        raise Unsuited("It takes models that end in a softmax layer.")
    import keras
    from art.attacks.inference.model_inversion import MIFace
    from art.estimators.classification import TensorFlowV2Classifier

    low, span = scaling(facts.scale)
    classifier = TensorFlowV2Classifier(
        model=network.model,
        nb_classes=len(target.classes),
        input_shape=tuple(network.model.inputs[0].shape)[1:],
        loss_object=keras.losses.SparseCategoricalCrossentropy(),
        clip_values=(low, low + span),
    )
    images: Images = settings.space.start[None]
    frames: list[Frame] = []
    done = 0
    for after in settings.iterations:
        progress.report(
            f"reconstructing class {target_class} with the toolbox", done / settings.iterations[-1]
        )
        attack = MIFace(
            classifier,
            max_iter=after - done,
            threshold=1.0,
            learning_rate=settings.learning_rate or STEP,
            verbose=False,
        )
        inferred = attack.infer(network.inputs(images), np.array([target_class]))
        images, done = network.images(np.asarray(inferred, dtype=np.float32)), after
        frames.append(Frame(after, 0, images))
    confidence = float(target.probabilities(images)[0, target_class])
    return Reconstructed(tuple(frames), (CurvePoint(done, 0, 1.0 - confidence, confidence),))
