"""Exploration of more traces than fit into memory, an evening or a machine: `python -m reasoner explore --out DIR`.

reading.py     traces out of files or a store, one after the other
bulk.py        explored into a folder; kept as it goes, gone on with after a kill, failures apart
keeping.py     the folder: Parquet shards and a journal between them
rows.py        one row a trace; read lazily
counts.py ids.py settings.py

tasks.py       the input split for many workers, and their counts
step.py        exploration as a step of a datatrove pipeline
executors.py   processes of this machine, Slurm, Ray
worker.py      one such process
"""
