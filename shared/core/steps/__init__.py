"""What is decided in each status, one small function per status."""
