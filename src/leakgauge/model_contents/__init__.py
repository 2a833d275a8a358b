"""What a model file literally holds of its training table, and the table rebuilt from it."""
