"""Widgets. They show state and emit what the user asks for; they decide nothing."""
