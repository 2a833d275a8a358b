"""What laws and standards ask of such an audit, clause by clause, and which finding answers it.

To add a clause, add a row; `docs/clauses.md` is made from this table. A clause is paraphrased here, in this
project's words. Where its text was read says `Framework.read`. A row without findings is about something that
no audit here tests, and says so in every report.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from leakgauge.errors import JsonValue
from leakgauge.report.evidence.findings import FINDERS, Finding
from leakgauge.report.model import Report

Read = Literal["text", "copies", "not"]
"""The publisher's own text; the wording as several others quote it, alike; nothing."""

READ: Final[dict[Read, str]] = {
    "text": "reviewed against the text",
    "copies": "reviewed against quotations of the text alone",
    "not": "not reviewed against the text",
}


@dataclass(frozen=True, slots=True)
class Framework:
    """A law or a standard; `edition` is the one that was read, `address` where it is published."""

    name: str
    edition: str
    address: str
    read: Read


@dataclass(frozen=True, slots=True)
class Clause:
    """One thing that is asked.

    `findings` name those, in `FINDERS`, any of which answers it, the best first. `otherwise` says what to do
    where there is none.
    """

    framework: Framework
    number: str
    asks: str
    findings: tuple[str, ...]
    otherwise: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a report says to a clause: the findings that answer it, or none."""

    clause: Clause
    findings: tuple[Finding, ...]

    @property
    def words(self) -> str:
        """`answered by ...`, or `not tested`; never that anything is complied with."""
        if not self.findings:
            return f"not tested: {self.clause.otherwise}"
        return "answered by: " + "; ".join(finding.text for finding in self.findings)

    def plain(self) -> dict[str, JsonValue]:
        """The same for programs, as JSON writes it."""
        clause = self.clause
        return {
            "framework": clause.framework.name,
            "edition": clause.framework.edition,
            "wording": READ[clause.framework.read],
            "clause": clause.number,
            "asks": clause.asks,
            "answer": "answered" if self.findings else "not tested",
            "findings": [{"text": finding.text, "origin": finding.origin} for finding in self.findings],
            "otherwise": clause.otherwise,
        }


EDPB: Final = Framework(
    "EDPB Opinion 28/2024",
    "adopted 17 December 2024",
    "https://www.edpb.europa.eu/our-work-tools/our-documents/opinion-board-art-64/"
    "opinion-282024-certain-data-protection-aspects_en",
    "copies",
)
GDPR: Final = Framework(
    "GDPR", "Regulation (EU) 2016/679", "https://eur-lex.europa.eu/eli/reg/2016/679/oj", "copies"
)
AI_ACT: Final = Framework(
    "EU AI Act", "Regulation (EU) 2024/1689", "https://eur-lex.europa.eu/eli/reg/2024/1689/oj", "copies"
)
NIST: Final = Framework(
    "NIST AI 100-2", "E2025, March 2025", "https://doi.org/10.6028/NIST.AI.100-2e2025", "copies"
)
ATLAS: Final = Framework(
    "MITRE ATLAS", "data of May 2026", "https://github.com/mitre-atlas/atlas-data", "text"
)
AISVS: Final = Framework("OWASP AISVS", "1.0, July 2026", "https://github.com/OWASP/AISVS", "text")
AITG: Final = Framework(
    "OWASP AI Testing Guide",
    "version of March 2026",
    "https://github.com/OWASP/www-project-ai-testing-guide",
    "text",
)
ML_TOP_TEN: Final = Framework(
    "OWASP Machine Learning Security Top 10",
    "2023",
    "https://github.com/OWASP/www-project-machine-learning-security-top-10",
    "text",
)

_MEMBERSHIP = "a membership audit tests it"
_INVERSION = "an inversion audit tests it"
_EITHER = "membership and inversion audits test it, each a part"
_FILE = "a membership audit of a model file tests it"
_COLUMNS = "a membership audit with sensitive_columns tests it"
_NO_AUDIT = "no audit here tests it"

CLAUSES: Final[tuple[Clause, ...]] = (
    Clause(
        EDPB,
        "43 (i)",
        "How likely personal data of those in the training data are extracted from the model itself, "
        "probabilistic extraction included.",
        ("contents", "rebuilt", "file", "gradients"),
        _FILE,
    ),
    Clause(
        EDPB,
        "43 (ii)",
        "How likely such data are obtained by queries, on purpose or not.",
        ("members_found", "precision", "records", "attributes", "reconstruction", "profiles"),
        _EITHER,
    ),
    Clause(EDPB, "55 (i)", "Tests of attribute inference.", ("attributes",), _COLUMNS),
    Clause(EDPB, "55 (i)", "Tests of membership inference.", ("membership",), _MEMBERSHIP),
    Clause(
        EDPB,
        "55 (ii)",
        "Tests of exfiltration.",
        (),
        "no audit here tests the place where the model is kept",
    ),
    Clause(
        EDPB,
        "55 (iii)",
        "Tests of regurgitation of training data.",
        ("contents",),
        "a membership audit of a model file looks for records in it; no generative model is audited here",
    ),
    Clause(EDPB, "55 (iv)", "Tests of model inversion.", ("reconstruction", "profiles"), _INVERSION),
    Clause(EDPB, "55 (v)", "Tests of reconstruction.", ("rebuilt", "reconstruction"), _EITHER),
    Clause(
        GDPR,
        "35 (7) (a)",
        "A systematic description of the processing and its purposes.",
        ("purpose",),
        "it is the controller's to write; the parameter report takes a purpose",
    ),
    Clause(
        GDPR,
        "35 (7) (b)",
        "Necessity and proportionality.",
        (),
        "it is the controller's to assess",
    ),
    Clause(
        GDPR,
        "35 (7) (c)",
        "The risks to the rights and freedoms of the people concerned.",
        ("membership", "groups", "attributes", "file", "contents", "reconstruction", "profiles"),
        _EITHER,
    ),
    Clause(
        GDPR,
        "35 (7) (d)",
        "The measures envisaged against the risks.",
        ("changes",),
        "a membership audit of a model that can be trained again tries some, and a comparison with a defence "
        "measures others",
    ),
    Clause(
        GDPR,
        "35 (11)",
        "A review where the risk has changed.",
        (),
        "one report cannot tell; leakgauge report --earlier, leakgauge history and leakgauge compare do",
    ),
    Clause(
        AI_ACT,
        "15 (1), (3)",
        "An appropriate accuracy, whose level and metrics are declared.",
        ("accuracy",),
        "a membership audit states it; what is appropriate is for a person to decide",
    ),
    Clause(
        AI_ACT,
        "15 (4)",
        "Resilience to errors, faults and inconsistencies; feedback loops.",
        (),
        _NO_AUDIT,
    ),
    Clause(AI_ACT, "15 (5)", "Data poisoning and model poisoning.", (), _NO_AUDIT),
    Clause(
        AI_ACT,
        "15 (5)",
        "Adversarial examples and model evasion.",
        ("evasion",),
        "an inversion audit with reference_libraries tests it",
    ),
    Clause(
        AI_ACT,
        "15 (5)",
        "Confidentiality attacks.",
        ("membership", "file", "attributes", "reconstruction", "profiles"),
        _EITHER,
    ),
    Clause(NIST, "NISTAML.031", "Model extraction.", (), _NO_AUDIT),
    Clause(
        NIST,
        "NISTAML.032",
        "Data reconstruction: model inversion, attribute inference, training data from the model.",
        ("rebuilt", "contents", "attributes", "reconstruction", "profiles"),
        _EITHER,
    ),
    Clause(NIST, "NISTAML.033", "Membership inference.", ("membership",), _MEMBERSHIP),
    Clause(
        NIST, "NISTAML.034", "Property inference: facts about the training data as a whole.", (), _NO_AUDIT
    ),
    Clause(ATLAS, "AML.T0024.000", "Infer training data membership.", ("membership",), _MEMBERSHIP),
    Clause(
        ATLAS,
        "AML.T0024.001",
        "Invert the model: reconstruct training data from its confidence scores.",
        ("reconstruction", "profiles", "attributes"),
        _INVERSION,
    ),
    Clause(
        AISVS,
        "11.2.1",
        "Sensitive attributes that the model infers are not returned in its outputs.",
        (),
        "no audit here looks at what a service returns beside predictions",
    ),
    Clause(
        AISVS,
        "11.2.2",
        "Rate limits sized to the threat of extraction.",
        (),
        "no audit here asks a service for its limits; the report says how many queries each attack took",
    ),
    Clause(
        AISVS,
        "11.2.3",
        "Outputs calibrated against overconfidence.",
        (),
        "no audit here measures calibration; a comparison with the defence temperature measures what it does "
        "to the leak",
    ),
    Clause(
        AISVS,
        "11.2.4",
        "Differentially private optimisation on sensitive data.",
        (),
        "no audit here looks at how a model was trained, and an empirical ε is no proof of it",
    ),
    Clause(
        AISVS,
        "11.2.5",
        "Simulated membership inference whose accuracy does not exceed random guessing.",
        ("membership",),
        _MEMBERSHIP,
    ),
    Clause(
        AITG,
        "AITG-MOD-04",
        "Membership inference by confidence scores.",
        ("confidence",),
        "a membership audit of a model that gives probabilities tests it",
    ),
    Clause(
        AITG,
        "AITG-MOD-04",
        "Membership inference with shadow models.",
        ("references",),
        "a membership audit of a model that can be trained again tests it",
    ),
    Clause(
        AITG,
        "AITG-MOD-04",
        "Membership inference by perturbed records.",
        ("perturbation",),
        "a membership audit with the attack label_only tests it",
    ),
    Clause(
        AITG,
        "AITG-MOD-05",
        "Inversion by the model's gradients.",
        ("gradients",),
        "an inversion audit with the attack miface tests it",
    ),
    Clause(
        AITG,
        "AITG-MOD-05",
        "Inversion by confidence scores: images, or sensitive attributes.",
        ("reconstruction", "attributes", "profiles"),
        _INVERSION,
    ),
    Clause(AITG, "AITG-MOD-05", "Inversion by intermediate layers.", (), _NO_AUDIT),
    Clause(ML_TOP_TEN, "ML03:2023", "Model inversion.", ("reconstruction", "profiles"), _INVERSION),
    Clause(ML_TOP_TEN, "ML04:2023", "Membership inference.", ("membership",), _MEMBERSHIP),
)


def answers(report: Report) -> tuple[Answer, ...]:
    """What a report answers of every clause, in the order of the table."""
    found = {name: find(report) for name, find in FINDERS.items()}
    return tuple(
        Answer(clause, tuple(finding for name in clause.findings if (finding := found[name]) is not None))
        for clause in CLAUSES
    )
