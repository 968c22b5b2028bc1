"""The papers' experiments as commands: runs to train, their evaluation, tables and pictures beside the papers'."""
