"""What runs the windows on a CPU: OpenVINO where it is installed and sound, else torch."""
