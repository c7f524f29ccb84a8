"""What Azure does not offer: a clock that can be changed, faults on demand, and a journal of requests."""
