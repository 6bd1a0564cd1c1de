"""`stylezoo demo`: a web page for stylizing photos.

`studio` stylizes, `pictures` reads what was uploaded, `requests` reads what the page asks for; none of them knows
gradio. `guard` keeps requests within limits, `parts` and `page` are what is seen, and `serve` runs it, here or as a
Space.
"""
