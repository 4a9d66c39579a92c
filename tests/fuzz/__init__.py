"""Fuzzers: inputs damaged at random by a seed. `make test` runs a few seeds of each, `make fuzz` all of them."""
