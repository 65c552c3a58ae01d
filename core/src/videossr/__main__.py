"""`python -m videossr`, which launchers of several processes need."""

from videossr.cli import main

main()
