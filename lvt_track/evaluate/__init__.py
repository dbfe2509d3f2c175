"""How good masks are against true ones: overlap, surfaces, centrelines, lesions found."""
