"""Release nets: weights, records, samples and cards, into the package or onto a hub."""
