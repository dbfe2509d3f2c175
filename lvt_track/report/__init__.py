"""Tables, figures and documents that tell the course."""
