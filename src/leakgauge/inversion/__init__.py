"""Model inversion: can an attacker reconstruct the training data from the model's answers?"""
