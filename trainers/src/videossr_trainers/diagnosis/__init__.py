"""What a model makes of a dataset: N answers to each question, and what GRPO would learn from them.

Nothing is imported here: the command, which lies in this package, is listed without numpy and torch.
"""
