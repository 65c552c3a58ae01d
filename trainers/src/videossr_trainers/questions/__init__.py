"""What is asked, and when: a dataset's rows, their order, their mixture and their difficulty."""
