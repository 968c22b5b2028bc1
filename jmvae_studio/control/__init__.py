"""What connects the window, the session and the renderer, one file per concern; `app.Studio` builds them."""
