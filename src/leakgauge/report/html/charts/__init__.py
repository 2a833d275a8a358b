"""The charts of the report: typed figures in, SVG out."""
