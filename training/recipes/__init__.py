"""The papers' recipes, one file each; every one is a line of stages (stages.py)."""
