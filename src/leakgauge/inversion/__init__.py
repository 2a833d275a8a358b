"""Model inversion: can an attacker draw the training data from the model's answers?"""
