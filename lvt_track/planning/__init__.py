"""Planning a resection: vessel trees, territories, distances, remnant, meshes."""
