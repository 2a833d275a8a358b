"""Gradient-boosting libraries of compiled code: their files read as data, and their estimators.

    bytes ─▶ a reader of the format ─▶ a checked model ─▶ bytes written anew ─▶ the library

These libraries trust a file to say where its trees' children and features are. Nothing of a file
reaches them but what was read and checked here. For each library one reader (`*_reading`), one checked
model (`*_model`), a table of objectives that says which are classes and which numbers (`*_objectives`), and
estimators of scikit-learn's kind (`*_estimators`), so that Pipelines, searches, votes, reference models and
attacks treat them as any other; `*_opening` is the door.
"""
