"""What the leaves of a model file say of candidate rows: counts, draws and sums, and how they are solved.

The arithmetic of the attacks on model files, which ask it who was a member, or which value a record has.
"""
