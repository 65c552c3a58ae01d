"""Downstream sets: multiple-choice questions and temporal grounding from lists of questions.

Nothing is imported here: the commands, which lie in this package, are listed without numpy and torch.
"""
