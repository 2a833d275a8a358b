"""The models that the benchmarks of defences compare: the demo's network, trained by a plan."""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import onnx
import tensorflow as tf

from leakgauge.defences.training import training_defences
from leakgauge.defences.training.classifier import Trained, train
from leakgauge.defences.training.plan import TrainingPlan
from leakgauge.jobs.demo.digits import Digits
from leakgauge.jobs.demo.network import digit_network
from leakgauge.targets.keras.engine import exported


def one_thread() -> None:
    """TensorFlow on one thread, so that sums run in one order and results repeat."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def trained(digits: Digits, defences: tuple[str, ...], seed: int) -> Trained:
    """A model of the demo's architecture, hardened by `defences`."""
    return train(plan_of(digits, defences), digits.images, digits.labels, seed=seed)


def plan_of(digits: Digits, defences: tuple[str, ...]) -> TrainingPlan:
    """The plan of a model of the demo's architecture, hardened by `defences`."""
    shape = digits.images.shape[1:]
    plan = TrainingPlan.of(digit_network((shape[0], shape[1], shape[2])), epochs=60 if shape[0] < 16 else 10)
    for defence in training_defences(defences):
        plan = defence.harden(plan)
    return plan


def saved(model: object, digits: Digits, path: Path) -> None:
    """Write the model as ONNX, which opens without TensorFlow."""
    onnx.save_model(exported(model, digits.images.shape[1:]), path)
