"""The page of `stylezoo demo`, as a Hugging Face Space starts it."""

import os

os.environ.setdefault(
    "FORWARDED_ALLOW_IPS", "*"
)  # visitors come by the Space's proxy, and each has a rate of their own

from stylezoo.demo.serve import PORT, serve
from stylezoo.demo.settings import Settings

if __name__ == "__main__":
    serve(
        Settings(queue=128, max_pixels=24_000_000),
        host=os.environ.get("GRADIO_SERVER_NAME", "0.0.0.0"),
        port=int(os.environ.get("GRADIO_SERVER_PORT", PORT)),
        ready=lambda url: print(f"The page is at {url}", flush=True),
    )
