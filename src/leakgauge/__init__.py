"""Leakgauge: how much of its training data does a model give away?"""
