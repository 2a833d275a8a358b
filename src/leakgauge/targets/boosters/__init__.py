"""Gradient-boosting libraries of compiled code: their files read as data, and their classifiers.

    bytes ─▶ a reader of the format ─▶ a checked model ─▶ bytes written anew ─▶ the library

These libraries trust a file to say where its trees' children and features are. Nothing of a file
reaches them but what was read and checked here. One reader (`*_model`) and one classifier
(`*_classifier`) for each library; the classifiers are scikit-learn estimators, so that Pipelines,
searches, votes, reference models and attacks treat them as any other.
"""
