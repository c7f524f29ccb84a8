"""What is decided in each status, one small function a status."""
