"""What a report is evidence of, for those who must defend a decision: derived from its figures, and no more.

`precision` says what a positive prediction is worth where members are rare, `origins` what was measured and
what was only declared, `findings` what the report found, in a sentence each, and `clauses` which of these
findings answers what laws and standards ask. None of it enters a verdict, and none says that a model
complies with anything.
"""
