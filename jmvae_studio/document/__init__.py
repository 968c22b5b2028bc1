"""What the user works on: session, photographs, faces and their edits. No widgets, no torch."""
