"""Training video language models on the questions of videossr's plugins."""
