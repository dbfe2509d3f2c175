"""How sure a category is: sizes, lesions, links and targets drawn again within their doubt."""
