"""The demo's two jobs: train a plain and a hardened model, and attack both."""
