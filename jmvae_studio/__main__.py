"""``python -m jmvae_studio``: the same as main.py once the environment stands."""

from jmvae_studio.cli import run

if __name__ == "__main__":
    run()
