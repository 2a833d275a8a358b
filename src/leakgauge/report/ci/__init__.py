"""A gate's result in the formats that build servers read."""
