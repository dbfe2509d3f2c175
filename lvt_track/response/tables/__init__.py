"""Tables of measurements that people bring: read into assessments, checked, and answered."""
