"""Reference libraries that need PyTorch beside Keras: through the optional extra `reference`, in no image."""
