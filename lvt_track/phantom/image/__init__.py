"""CT images from label maps, in torch."""
