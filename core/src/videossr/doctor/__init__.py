"""Whether a machine can do the work: what is missing, wrong or short, and what to do about it."""
