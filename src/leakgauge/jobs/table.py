"""The table of jobs: a new job is a file of its own and one row here.

A row names the function of its job and does not import it. Whoever asks for a job therefore loads no
framework: the function is imported in a locked-down child, and what a child would import first by the
fork server, once, for all children.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from leakgauge.installation import TRAINED_PRIOR, Kind


@dataclass(frozen=True, slots=True)
class Job:
    """A row of the table.

    Attributes
    ----------
    name
        what logs call it.
    function
        `module:function`, called in a child as `function(request, progress)` with a
        `leakgauge.jobs.request.JobRequest` and a `leakgauge.progress.Display`.
    leaves
        files of fixed names that it leaves, in the order in which its callers unpack them.
    """

    name: str
    function: str
    leaves: tuple[str, ...] = ()


AUDIT: Final = Job("audit", "leakgauge.jobs.audit:audit")
SANITIZE: Final = Job("sanitize", "leakgauge.jobs.sanitize:sanitize", ("model", "notes.json"))
CONTENTS: Final = Job("contents", "leakgauge.jobs.contents:contents", ("contents.json",))
PRIOR: Final = Job("prior", "leakgauge.jobs.prior:prior", (TRAINED_PRIOR,))
REFERENCE_MODELS: Final = Job("reference_models", "leakgauge.jobs.reference_models:train", ("trained.json",))
SELF_TEST: Final = Job("self_test", "leakgauge.jobs.self_test:attempt", ("report.json",))
PDF: Final = Job("pdf", "leakgauge.jobs.pdf:pdf", ("report.pdf",))
COMPARISON_PDF: Final = Job("comparison_pdf", "leakgauge.jobs.pdf:comparison", ("comparison.pdf",))
DEMO_TRAINING: Final = Job("demo_training", "leakgauge.jobs.demo.training:train", ("models.json",))
DEMO_ATTACK: Final = Job(
    "demo_attack",
    "leakgauge.jobs.demo.attack:attack",
    ("result.json", "replay.json"),
)
DEMO_COMPARISON: Final = Job(
    "demo_comparison",
    "leakgauge.jobs.demo.comparison:compare",
    ("compared.json", "report.zip", "comparison.html"),
)
DEMO_CUSTOMERS: Final = Job("demo_customers", "leakgauge.jobs.demo.customers:answer", ("customers.json",))
DEMO_PDF: Final = Job("demo_pdf", "leakgauge.jobs.demo.pdf:pdf", ("comparison.pdf",))

CONTENTS_MODEL: Final = "contents-model"
CONTENTS_TABLE: Final = "contents-table"
"""Folders of one file each, in which a door hands over a model file and a table that comes beside it."""
INCLUDE_VALUES: Final = "include_values"
"""What is beside parameters of the table among the overrides of that job."""

JOBS: Final[tuple[Job, ...]] = (
    *(AUDIT, SANITIZE, CONTENTS, PRIOR, REFERENCE_MODELS, SELF_TEST, PDF, COMPARISON_PDF),
    *(DEMO_TRAINING, DEMO_ATTACK, DEMO_COMPARISON, DEMO_CUSTOMERS, DEMO_PDF),
)

PRELOADS: Final[dict[Kind, tuple[str, ...]]] = {
    "membership": (
        "leakgauge.jobs.audit",
        "leakgauge.membership.audit",
        "leakgauge.targets.sklearn.target",
        "sklearn.ensemble",
        "sklearn.neural_network",
        "sklearn.pipeline",
        "pandas",
        # not ONNX Runtime, which starts a thread when it is imported, for the few image classifiers
    ),
    "inversion": (
        "leakgauge.jobs.audit",
        "leakgauge.inversion.audit",
        "leakgauge.targets.keras.reading",
        "leakgauge.targets.onnx.reading",
        "tf2onnx",
        "keras",
        "onnxruntime",
        "skimage.metrics",
        "PIL.Image",
    ),
}
"""Modules that a child of each kind would otherwise import first."""
PRELOADS_IF_INSTALLED: Final[dict[Kind, tuple[str, ...]]] = {"membership": ("torch",), "inversion": ()}
"""Likewise, where an installation has them: one attack needs PyTorch, whose import takes seconds."""
