"""Prints docs/clauses.md from the table that reports go by; `make docs` writes it."""

from __future__ import annotations

from itertools import groupby

from leakgauge.report.evidence.clauses import CLAUSES, READ, Clause

_HEAD = """# What auditors ask

<!-- Made by docs/make_clauses.py from the table that reports go by. Do not edit. -->

Every report ends with “What this report is evidence of”: what was measured in the audit, what was only
declared by whoever handed the files in, and what combines both; then, clause by clause, the figure that
answers what a law or a standard asks, or “not tested”. The same on the command line:

    leakgauge clauses report/

An answer says what was measured, be it good or bad. It never says that anything is complied with: that is
for a person to decide, who knows the data, the purpose and what else was done. A clause that no audit here
tests is listed all the same, so that nobody takes its absence for an answer.

Clauses are paraphrased. “Reviewed against the text” means that the publisher's own text was read;
“reviewed against quotations” that several others quote the wording alike, and the text itself could not be
read. Read the text before you rely on a row.

Two of these texts have a policy that comes along: [policy.md](policy.md#policies-that-come-along).
"""

_WORDS = {
    "membership": "the strongest attack on the answers: severity, AUC, balanced accuracy",
    "members_found": "TPR at 1 % FPR",
    "precision": "precision of positive predictions at a prior of 1 %",
    "confidence": "attacks on confidence scores: AUC",
    "references": "attacks with reference models: AUC",
    "perturbation": "the attack by perturbed records: AUC",
    "file": "attacks on the model file: AUC",
    "contents": "training records that stand in the file, word for word",
    "rebuilt": "whether the training table can be rebuilt from the file",
    "attributes": "leakage of sensitive columns",
    "records": "the record that stands out most",
    "groups": "the group that is exposed most",
    "changes": "what changes to the model save and cost",
    "accuracy": "test accuracy",
    "purpose": "the purpose that was declared, and no more",
    "reconstruction": "leakage of reconstructed images",
    "gradients": "leakage of images reconstructed by gradients",
    "profiles": "leakage of class profiles",
    "evasion": "accuracy under evasion",
}


def document() -> str:
    """The page."""
    lines = [_HEAD]
    for framework, clauses in groupby(CLAUSES, key=lambda clause: clause.framework):
        lines += [
            f"## {framework.name}",
            "",
            f"[{framework.edition}]({framework.address}); {READ[framework.read]}.",
            "",
            "| clause | asks for | answered by | otherwise |",
            "|---" * 4 + "|",
            *(_row(clause) for clause in clauses),
            "",
        ]
    return "\n".join(lines)


def _row(clause: Clause) -> str:
    found = "; ".join(_WORDS[name] for name in clause.findings) or "–"
    return f"| {clause.number} | {clause.asks} | {found} | not tested: {clause.otherwise} |"


if __name__ == "__main__":
    print(document(), end="")
