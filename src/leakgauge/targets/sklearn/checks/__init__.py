"""What compiled code of scikit-learn trusts, checked before a model is asked: one row an estimator."""
