"""A static web page that stylizes pictures in the browser.

`site` writes it, with the nets and their pictures; `ort` fetches onnxruntime-web, which runs them; `assets/` holds the
page. Imports no torch.
"""

from stylezoo.web.site import Site, write_site

__all__ = ["Site", "write_site"]
