"""What is known of single rows: issues, texts, keys, tokens, signatures."""
