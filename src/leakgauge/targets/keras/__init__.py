"""Keras classifiers: their files read and checked, and the network that answers."""
