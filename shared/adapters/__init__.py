"""One external system a module: SDK to core types and errors, no decisions."""
