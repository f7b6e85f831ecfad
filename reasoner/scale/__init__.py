"""Exploration of more traces than fit on a screen, a disk's patience or a machine.

rows.py       one row a trace, in Parquet: problem, trace, pit; read lazily
"""
