"""What lowers the leak of a model, each with its cost; what an audit before and after shows of it."""
