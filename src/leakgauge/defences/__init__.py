"""What lowers the leak of a model without training it anew."""
