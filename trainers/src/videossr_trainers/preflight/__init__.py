"""What is checked before the first step of a training, a minute at most, each finding explained.

`course.Preflight` goes with a training, `command.preflight` goes alone. Nothing is imported here, since
the command line reads `command` at every start.
"""
