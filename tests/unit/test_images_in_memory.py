"""Image classifiers and images in the caller's memory, for both audits of images."""

from __future__ import annotations

import io

import numpy as np
import onnxruntime
import pytest
from bundle_files import laid_out
from image_bundles import onnx_model, sets
from inversion_bundles import QUICK as INVERSION
from inversion_bundles import template_model, write_bundle
from template_target import templates

import leakgauge
from leakgauge.bundle import Limits, open_bundle
from leakgauge.errors import InputError
from leakgauge.inversion.audit import audit_bundle as audit_inversion
from leakgauge.membership.audit import audit_bundle as audit_membership
from leakgauge.progress import Silent
from leakgauge.results import read_back

QUICK = {"attacks": ["gap", "loss"]}
X, Y, X_OTHER, Y_OTHER = sets()


pytestmark = pytest.mark.usefixtures("few_trees")


def asked(model):
    """An ONNX model as a function, such as anybody would write it."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda images: session.run(None, {name: np.ascontiguousarray(images)})[0]


CLASSIFIER = asked(onnx_model())
TEMPLATES = asked(template_model())


def of_bytes(images):
    """The classifier, of images with pixels from 0 to 255."""
    assert images.dtype == np.float32
    return CLASSIFIER(images[..., None] / np.float32(255))


def refused(*arguments, **settings):
    with pytest.raises(InputError) as caught:
        leakgauge.audit_images(*arguments, **settings)
    return caught.value


def test_image_sets_give_the_figures_of_the_file_audit(tmp_path):
    """Acceptance: the same model, images and seed, and every figure of every attack is the same."""
    attacks = {"attacks": ["gap", "loss", "entropy", "label_only", "learned_rf"], "proportions": [50]}
    arrays = {"training_images.npy": X, "training_labels.npy": Y}
    arrays |= {"subject_images.npy": X_OTHER, "subject_labels.npy": Y_OTHER}
    files = {"model.onnx": onnx_model()}
    for name, array in arrays.items():
        stream = io.BytesIO()
        np.save(stream, array)
        files[name] = stream.getvalue()
    opened = open_bundle(laid_out(files, tmp_path / "bundle"), tmp_path / "scratch", limits=Limits())
    by_file = read_back(audit_membership(opened, attacks, Silent()))
    memory = leakgauge.audit_images(
        lambda images: CLASSIFIER(images[..., None]), X / 255.0, Y, X_OTHER / 255.0, Y_OTHER, **attacks
    )
    assert memory.attacks == by_file.attacks
    assert memory.table == by_file.table
    assert memory.verdict == by_file.verdict
    assert memory.target.train_accuracy == by_file.target.train_accuracy


def test_a_function_gets_images_in_the_range_and_form_that_its_caller_holds():
    in_bytes = leakgauge.audit_images(of_bytes, X, Y, X_OTHER, Y_OTHER, **QUICK)
    assert in_bytes.target.train_accuracy.value == 1.0
    assert in_bytes.target.type == "Function of_bytes"

    def channels_first(images):
        assert images.shape[1:] == (1, 8, 8)
        return CLASSIFIER(images.transpose(0, 2, 3, 1))

    both = (X[:, None] / 255.0, Y, X_OTHER[:, None] / 255.0, Y_OTHER)
    first = leakgauge.audit_images(channels_first, *both, channel_order="first", **QUICK)
    assert first.target.train_accuracy.value == 1.0
    centred = leakgauge.audit_images(
        lambda images: CLASSIFIER((images[..., None] + 1) / 2),
        X / 127.5 - 1,
        Y,
        X_OTHER / 127.5 - 1,
        Y_OTHER,
        input_range=[-1, 1],
        **QUICK,
    )
    assert centred.target.train_accuracy.value == 1.0


def test_an_image_is_reconstructed_as_from_a_bundle(tmp_path):
    image = np.round(templates()[0][..., 0] * 255).astype(np.uint8)[..., None] / 255.0
    opened = open_bundle(write_bundle(tmp_path / "b", INVERSION), tmp_path / "scratch", limits=Limits())
    by_file = read_back(audit_inversion(opened, {}, Silent()))
    memory = leakgauge.audit_images(TEMPLATES, image, **INVERSION)
    assert isinstance(memory, leakgauge.InversionResult)
    assert memory.verdict == by_file.verdict
    assert memory.attacks == by_file.attacks
    assert memory.reconstructions == by_file.reconstructions
    assert memory.files == by_file.files
    assert memory.target.format == "in memory"
    assert "original.png" in memory.files
    assert "data:image/png" in memory.to_html()
    assert repr(memory).startswith("<InversionResult: leakage ")


def test_auxiliary_and_reference_images_and_an_evaluator_are_taken(tmp_path):
    rng = np.random.default_rng(0)
    noisy = np.clip(templates()[rng.integers(3, size=25)] + 0.1 * rng.random((25, 12, 12, 1)), 0, 1)
    report = leakgauge.audit_images(
        TEMPLATES,
        templates()[0],
        auxiliary=noisy,
        reference=templates()[:1] * 0.9,
        evaluator=lambda images: TEMPLATES(images) * 0.5,
        output=tmp_path / "report",
        class_to_attack=0,
        iterations=[20],
        seeds=2,
    )
    assert report.prior is not None
    assert report.prior.pictures == 25
    assert report.evaluator.source == "bundle"
    assert {"report.html", "report.json", "original.png"} <= {
        path.name for path in (tmp_path / "report").iterdir()
    }
    assert "auxiliary[24]" in report.inputs


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((CLASSIFIER, X[0][0]), "bad_bundle.array_shape"),
        ((CLASSIFIER, "image.png"), "bad_bundle.array_not_numbers"),
        ((CLASSIFIER, np.zeros((0, 8))), "bad_bundle.array_empty"),
        ((CLASSIFIER, np.full((8, 8, 1), np.nan)), "bad_bundle.array_not_finite"),
        ((CLASSIFIER, np.zeros((8, 8, 7))), "unsupported_model.channels"),
        ((lambda images: 1 / 0, X[0] / 255.0), "unsupported_model.model_does_not_run"),
        ((lambda images: images, X[0] / 255.0), "unsupported_model.not_a_classifier"),
        (
            (lambda images: CLASSIFIER(images[..., None]) * np.nan, X[0] / 255.0),
            "unsupported_model.outputs_not_finite",
        ),
        ((3, X[0] / 255.0), "unsupported_model.not_a_model"),
        ((of_bytes, X, Y[:9], X_OTHER, Y_OTHER), "bad_bundle.labels_do_not_match"),
        ((of_bytes, X, Y.astype(str), X_OTHER, Y_OTHER), "bad_bundle.labels_shape"),
        ((of_bytes, X, Y + 90, X_OTHER, Y_OTHER), "bad_bundle.unknown_labels"),
        ((of_bytes, X[:9], Y[:9], X_OTHER, Y_OTHER), "bad_bundle.too_few_records"),
        ((of_bytes, X, Y, X, Y), "bad_bundle.members_among_non_members"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, code):
    error = refused(*arguments, **(QUICK if len(arguments) > 2 else {"iterations": [20]}))
    assert error.code == code
    assert error.hint


def test_a_module_of_pytorch_is_refused_with_a_way_in():
    torch = pytest.importorskip("torch")
    error = refused(torch.nn.Flatten(), X[0] / 255.0)
    assert error.code == "unsupported_model.not_a_model"
    assert "torch.as_tensor" in error.hint


def test_the_two_audits_are_not_mixed_up():
    with pytest.raises(TypeError, match="image sets"):
        leakgauge.audit_images(of_bytes, X, Y)
    with pytest.raises(TypeError, match="image sets"):
        leakgauge.audit_images(of_bytes, X, Y, X_OTHER, Y_OTHER, auxiliary=X)


def test_a_function_is_asked_by_one_thread_at_a_time():
    """The inversion attacks run in threads; code that was written for one need not bear them."""
    inside = []

    def alone(images):
        assert not inside
        inside.append(1)
        answer = TEMPLATES(images)
        inside.clear()
        return answer

    report = leakgauge.audit_images(alone, templates()[0], class_to_attack="all", iterations=[20], seeds=4)
    assert any(one.status == "measured" for one in report.attacks)
    assert not any(one.status == "failed" for one in report.attacks)
