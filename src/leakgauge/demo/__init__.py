"""The demo page: it asks the sandbox for everything, and knows no framework."""
