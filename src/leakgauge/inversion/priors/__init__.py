"""What an attacker knows of the images before the first answer: frequencies, a background, a PCA prior."""
