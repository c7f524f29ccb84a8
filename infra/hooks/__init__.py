"""What azd runs around `provision`, `deploy` and `down`."""
