"""What a large number of accounts costs: see `measure.py`."""
