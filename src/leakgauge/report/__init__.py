"""What an audit found, and the files that tell it."""
