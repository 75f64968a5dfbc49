"""View models: what a template shows, worked out beforehand."""
