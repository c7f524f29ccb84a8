"""One external system per module: SDK to core types and errors, no decisions."""
