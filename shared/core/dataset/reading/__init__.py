"""From bytes to rows: blocks of lines, files of other formats, strict JSON."""
