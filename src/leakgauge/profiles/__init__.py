"""Class profiles, which is inversion on tables: what does a model tell about everybody of one class?"""
