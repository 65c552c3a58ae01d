"""What the policy answered and earned: its grading, its curves, and what of it is kept and shown."""
