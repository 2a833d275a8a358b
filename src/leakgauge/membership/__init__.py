"""Membership inference: can an attacker tell who was in the training data?"""
