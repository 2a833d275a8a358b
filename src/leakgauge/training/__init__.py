"""The training-job door."""
