"""Facts about single rows: issues, texts, keys, tokens, signatures."""
