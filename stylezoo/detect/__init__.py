"""Find faces and subjects in photos, for masks that keep the photo there. Imports no torch."""
