"""engagectl: Engage audiences, computed traits and journeys in your warehouse, from YAML."""

__version__ = "0.1.0"
