"""Feature functions that ``model.yaml`` names; numpy only, since serving runs them too.

A feature function takes the request's columns by name, one-dimensional and of equal length (numbers
and bools as float64 with NaN for missing, text as objects with None), and gives new numeric columns
of that length: no name of the contract, no infinity, NaN only where an input is missing.
"""
