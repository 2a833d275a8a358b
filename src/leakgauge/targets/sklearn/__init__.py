"""Fitted scikit-learn classifiers: their files read and checked, and the classifier as a target."""
