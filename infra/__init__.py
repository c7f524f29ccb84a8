"""Infrastructure: templates, what azd runs around them, and the live probe."""
