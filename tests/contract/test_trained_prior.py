"""A prior made by one container and used by another, through the programs that SageMaker calls."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from doors import ENVIRONMENT
from inversion_bundles import png, write_bundle
from served import ROOT, running

from leakgauge.bundle import BundledFile, Limits, open_images
from leakgauge.errors import BadBundle
from leakgauge.inversion.priors.training import prior_of
from leakgauge.progress import Silent

SHORT = {"class_to_attack": 0, "iterations": 20, "seeds": 2, "attacks": "spsa"}


def images(n: int, side: int = 12) -> list[bytes]:
    rng = np.random.default_rng(3)
    return [png(np.kron(rng.random((side // 4, side // 4, 1)), np.ones((4, 4, 1)))) for _ in range(n)]


def train(root: Path, files: dict[str, bytes], **environment: str) -> subprocess.CompletedProcess[str]:
    """The program `train` with the files in channel `auxiliary`, asked for a prior."""
    channel, config = root / "input/data/auxiliary", root / "input/config"
    config.mkdir(parents=True)
    config.joinpath("hyperparameters.json").write_text('{"task": "prior"}')
    for name, content in files.items():
        path = channel / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return subprocess.run(
        [sys.executable, str(ROOT / "train")],
        env=ENVIRONMENT | {"LEAKGAUGE_ML_ROOT": str(root), "LEAKGAUGE_AUDIT": "inversion"} | environment,
        capture_output=True,
        text=True,
    )


def zipped(folder: Path) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.writestr(str(path.relative_to(folder)), path.read_bytes())
    return packed.getvalue()


def test_a_trained_prior_is_used_by_the_service(tmp_path: Path) -> None:
    files = {f"{number}.png": content for number, content in enumerate(images(30))}
    done = train(tmp_path / "ml", files | {"notes.txt": b"not an image"})
    assert done.returncode == 0, done.stdout + done.stderr
    assert [path.name for path in (tmp_path / "ml/model").iterdir()] == ["prior.npz"]
    assert "attack_" not in done.stdout

    plain = write_bundle(tmp_path / "plain", SHORT)
    own = write_bundle(tmp_path / "own", SHORT)
    (own / "auxiliary").mkdir()
    for number, content in enumerate(images(25)):
        (own / "auxiliary" / f"{number}.png").write_bytes(content)
    folder = tmp_path / "served"
    folder.mkdir()
    with running(folder, app=None, LEAKGAUGE_AUDIT="inversion", LEAKGAUGE_ML_ROOT=str(tmp_path / "ml")) as up:
        report = up.invoke(zipped(plain), Accept="application/json").json
        assert report["prior"] == {"source": "trained", "pictures": 30, "components": 9}
        assert "spsa_prior" in {attack["name"] for attack in report["attacks"]}
        assert report["inputs"]["prior.npz"]
        assert b"30 images, trained before" in up.invoke(zipped(plain), Accept="text/html").body
        assert up.invoke(zipped(own), Accept="application/json").json["prior"]["source"] == "bundle"


@pytest.mark.parametrize(
    ("files", "environment", "code"),
    [
        ({"a.txt": b"x"}, {}, "bad_bundle.no_images"),
        (
            {f"{number}.png": one for number, one in enumerate(images(3))},
            {},
            "bad_bundle.auxiliary_too_few",
        ),
        ({"a.png": b"no image"}, {}, "bad_bundle.image_format"),
        ({"a.png": b"x"}, {"LEAKGAUGE_AUDIT": "membership"}, "bad_parameters.other_kind"),
    ],
    ids=["no images", "too few", "broken", "membership"],
)
def test_a_job_without_a_prior_says_why(
    files: dict[str, bytes], environment: dict[str, str], code: str, tmp_path: Path
) -> None:
    done = train(tmp_path, files, **environment)
    assert done.returncode == 2, done.stdout
    assert f"[{code}]" in (tmp_path / "output" / "failure").read_text()
    assert not (tmp_path / "model").exists()


def opened(tmp_path: Path, files: dict[str, bytes]) -> tuple[BundledFile, ...]:
    for name, content in files.items():
        path = tmp_path / "channel" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return open_images(tmp_path / "channel", tmp_path / "scratch", limits=Limits())


def test_images_are_found_one_folder_deep_and_in_a_fixed_order(tmp_path: Path) -> None:
    one, two, three = images(3)
    found = opened(tmp_path, {"b.png": one, "more/a.png": two, "A.JPG": three, "model.keras": b"x"})
    assert [file.name for file in found] == ["a.jpg", "b.png", "more/a.png"]


def test_images_of_another_size_are_refused(tmp_path: Path) -> None:
    mixed = {f"{number}.png": one for number, one in enumerate([*images(20), *images(1, side=8)])}
    with pytest.raises(BadBundle) as raised:
        prior_of(opened(tmp_path, mixed), Silent())
    assert raised.value.problem == "image_size"


def test_a_zip_of_images_makes_the_same_prior(tmp_path: Path) -> None:
    files = {f"{number:02}.png": one for number, one in enumerate(images(22))}
    loose = prior_of(opened(tmp_path, files), Silent())
    archive = tmp_path / "images.zip"
    archive.write_bytes(zipped(tmp_path / "channel"))
    packed = prior_of(open_images(archive, tmp_path / "unpacked", limits=Limits()), Silent())
    assert np.array_equal(packed.space.axes, loose.space.axes)
    assert packed.images == 22
