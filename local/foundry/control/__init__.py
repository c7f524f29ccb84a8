"""What Azure does not offer: the clock, faults on demand, and a journal of requests."""
