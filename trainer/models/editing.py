"""Training the edit itself: the editor against a critic that reads attributes and knows photographs.

One step takes real faces, asks for one or two other attributes, and lets the model edit the photograph as the
studio does: the code moves by mu(w') - mu(w), with w read from the picture, and what is broad in the editor's change
takes the colours of the decoder's (`Colouring`). The critic learns from real faces what is a photograph and what shows
an attribute; edited faces are shown to it as edited *and* under the attributes they had, so that an edit cannot win by
fooling it. A second critic compares every patch of an edited face with the same patch before the edit: faces differ so
much from each other that a critic which sees them one by one hardly finds what an edit has left. Only the editor
learns here; codes and decoders stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from trainer.config import TrainConfig
from trainer.data.augmentation import jitter, soften
from trainer.data.celeba import STANDARD_ATTRIBUTES
from trainer.models.game import Average, Game, gradient_penalty
from trainer.models.interface import JointModel
from trainer.models.studio import StudioJMVAE
from trainer.models.studio_networks import Critic, PatchCritic
from trainer.optimizers import adam

KEPT = 8
"""One row in so many asks for nothing, and must come back as it is."""
MOST = 6.0
"""How much oftener a rare change may be asked for than a common one."""
PENALTY_EVERY = 16
"""Steps between two gradient penalties of the critics."""
PATCHES_RATE = 3.0
"""How much faster the critic of patches learns: it stands against an editor that has learned already."""
PATCHES_PENALTY = 6.4
"""Weight of the gradient penalty of its mean logit, beside that of the other critic."""


class EditStage(Game):
    """The critics, their optimisers and the editor's."""

    gradient_clip = 10.0

    def __init__(
        self, config: TrainConfig, channels: int, names: Sequence[str], shares: npt.NDArray[np.floating]
    ) -> None:
        """New critics; that of patches only where ``edit_patches`` gives it a weight.

        Args:
            config: Its ``edit_…`` settings.
            channels: Of the pictures.
            names: Of the attributes.
            shares: Of the training pictures that have each attribute.
        """
        super().__init__(config)
        self.critic = Critic(channels, len(names))
        self.patches = PatchCritic(channels) if config.edit_patches else None
        focus = np.array([config.edit_focus if name in FOCUS else 1.0 for name in names])
        present = np.clip(shares, 0.01, 0.99)
        # What is rare is asked to go, and what is common to come, more often than the pictures alone would have it.
        self._remove = torch.from_numpy(focus * np.minimum(0.5 / present, MOST)).float()
        self._add = torch.from_numpy(focus * np.minimum(0.5 / (1 - present), MOST)).float()

    def attach(self, model: JointModel, average: Average) -> None:
        """Make the optimisers; call once, after everything has reached its device.

        Args:
            model: With an ``editor``.
            average: Takes the mean of gradients over the processes, in place.
        """
        self._average = average
        editor = list(model.get_submodule("editor").parameters())
        rate, betas = self.config.edit_learning_rate, (0.5, 0.99)
        self._optimizers = {
            "editor": adam(editor, rate, betas),
            "critic": adam(self.critic.parameters(), rate, betas),
        }
        if self.patches is not None:
            self._optimizers["patches"] = adam(self.patches.parameters(), rate, betas)

    def step(
        self, model: StudioJMVAE, data: Mapping[str, Tensor], seed: int, step: int, progress: float
    ) -> dict[str, Tensor]:
        """One update of the critics and, after their head start, of the editor.

        Args:
            model: With an ``editor``; its other parts are used as in evaluation.
            data: ``image`` (standardised) and ``attributes`` (-1 or 1).
            seed: Of everything random in this step.
            step: Number of this step within the stage.
            progress: Share of the stage that is over, for the falling rate.

        Returns:
            The detached terms.
        """
        generator = torch.Generator().manual_seed(seed)
        torch.manual_seed(seed)  # for the critic's dropout: a resumed run must end bit-equal
        image, truth = soften(data["image"], generator, self.config.edit_soft), data["attributes"]
        rate = self.rate * self.config.edit_learning_rate * min(1.0, 2.02 - 2 * progress)
        for name, optimizer in self._optimizers.items():
            for group in optimizer.param_groups:
                group["lr"] = rate * PATCHES_RATE if name == "patches" else rate
        model.eval()
        model.editor.train()
        with torch.no_grad():
            code = model.encode({"image": image}).mean
            read = model.decode_one("attributes", code).mean
            wanted, changed = self._wishes(read, truth, generator)
            both = model.encode({"attributes": torch.cat([read, wanted])}).mean
            move = both[len(read) :] - both[: len(read)]
            maps = model.trunk(image)
            before, after = model.decode_one("image", torch.cat([code, code + move])).mean.chunk(2)
        own = model.editor(model.editor.see(image, maps), move)
        edited = image + model.coloured(image, own, after - before)

        terms = self._teach(image, truth, edited.detach(), changed, generator, step)
        if step >= self.config.edit_head_start:
            terms |= self._learn(model, image, own, edited, read, wanted, changed, generator)
        return {name: value.detach() for name, value in terms.items()}

    def _wishes(self, read: Tensor, truth: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Attributes to ask for, and which of them were changed (batch × attributes, bool).

        One attribute (two in a quarter of the rows) is turned to the other side of what the picture shows, by 1 to
        2.5; in every eighth row nothing is asked.
        """
        n, entries = truth.shape
        weights = torch.where(truth.cpu() > 0, self._remove, self._add)
        columns = torch.multinomial(weights, min(2, entries), generator=generator)
        second = torch.rand(n, generator=generator) < 0.25
        size = 1 + 1.5 * torch.rand(n, entries, generator=generator)
        changed = torch.zeros(n, entries, dtype=torch.bool)
        changed[torch.arange(n), columns[:, 0]] = True
        changed[torch.arange(n)[second], columns[second, -1]] = True  # the same one if there is no other
        changed[::KEPT] = False
        changed, size = changed.to(read.device), size.to(read.device)
        return torch.where(changed, -truth.sign() * size, read), changed

    def _teach(
        self,
        image: Tensor,
        truth: Tensor,
        edited: Tensor,
        changed: Tensor,
        generator: torch.Generator,
        step: int,
    ) -> dict[str, Tensor]:
        """Update the critics."""
        self.critic.train()
        target = (truth > 0).float()
        shown = self._shown(torch.cat([image, edited]), generator)
        real, logits = self.critic(shown)
        of_real, of_edited = real.chunk(2)
        told = functional.softplus(-of_real).mean() + functional.softplus(of_edited).mean()
        on_real, on_edited = logits.chunk(2, 1)
        reading = _bce(on_real, target).mean(2).mean()
        # Edited faces keep their old names: the editor cannot win by a pattern that merely reads as the attribute.
        old_names = (_bce(on_edited, target) * changed).sum(2).mean()
        loss = 2 * told + 10 * reading + self.config.edit_hardness * old_names
        terms = {"critic": told, "critic_reading": reading, "critic_old_names": old_names}
        losses = {"critic": loss}
        if self.patches is not None:
            losses["patches"] = terms["patches"] = _relative(*self.patches(shown).chunk(2))
        if step % PENALTY_EVERY == 0:
            some = image[: max(8, len(image) // 4)]
            for name, penalty in self._penalties(some).items():
                losses[name] = losses[name] + PENALTY_EVERY * self.config.edit_gradient_penalty * penalty
                terms[f"{name}_gradient"] = penalty
        for name, one in losses.items():
            self._prepare(name, one)
        self._move(*losses)
        return {"loss": losses["critic"], **terms}  # the editor's own, once it learns

    def _penalties(self, image: Tensor) -> dict[str, Tensor]:
        """Of each critic's gradient at photographs, weighed against each other."""
        penalties = {"critic": gradient_penalty(lambda faces: self.critic(faces)[0], image)}
        if (patches := self.patches) is not None:
            penalties["patches"] = PATCHES_PENALTY * gradient_penalty(
                lambda faces: patches(faces).mean(1), image
            )
        return penalties

    def _learn(
        self,
        model: JointModel,
        image: Tensor,
        own: Tensor,
        edited: Tensor,
        read: Tensor,
        wanted: Tensor,
        changed: Tensor,
        generator: torch.Generator,
    ) -> dict[str, Tensor]:
        """Update the editor."""
        config = self.config
        self.critic.eval()  # no dropout: what it reads of the picture before and after must be comparable
        shown = self._shown(torch.cat([image, edited]), generator)
        real, logits = self.critic(shown)
        before, after = logits.chunk(2, 1)
        fooled = functional.softplus(-real[len(image) :]).mean()
        patches = fooled.new_zeros(())
        if self.patches is not None:
            before_edit, after_edit = self.patches(shown).chunk(2)
            patches = _relative(after_edit, before_edit)
        asked = (_bce(after, (wanted > 0).float()) * changed).sum(2).mean()
        before = before.detach()
        kept = ((_bce(after, torch.sigmoid(before)) - _entropy(before)) * ~changed).mean(2).mean()
        # The model's own reading of the edited face: what was asked at its sign, all else as it was read before.
        again = model.decode_one("attributes", model.encode({"image": shown[len(image) :]}).mean).mean
        target = torch.where(changed, wanted.sign(), read)
        consistency = ((again - target).square() * torch.where(changed, 1.0, 0.1)).sum(1).mean()
        size = (own.abs() + config.edit_tint * tint(own, model.image_std).abs()).flatten(1).mean(1)
        nothing = ~changed.any(1)
        loss = (
            config.edit_realness * fooled
            + config.edit_patches * patches
            + config.edit_asked * asked
            + config.edit_kept * kept
            + config.edit_consistency * consistency
            + config.edit_size * size.mean()
            + 10 * (size * nothing).mean()
        )
        self._update("editor", loss)
        return {
            "loss": loss,
            "edit_fooled": fooled,
            "edit_patches": patches,
            "edit_asked": asked,
            "edit_kept": kept,
            "edit_consistency": consistency,
            "edit_size": size.mean(),
        }

    def _shown(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """What the critic gets to see: jittered alike for the picture before and after, noisy."""
        half = len(images) // 2
        state = generator.get_state()
        first = jitter(images[:half], generator, noise=0.05)
        generator.set_state(state)
        second = jitter(images[half:], generator, noise=0.05)
        return torch.cat([first, second]).contiguous(memory_format=torch.channels_last)


FOCUS = frozenset({*STANDARD_ATTRIBUTES, "Smiling"})
"""The attributes people ask for: chosen ``edit_focus`` times as often."""


def sampling_weights(attributes: npt.NDArray[np.number], names: Sequence[str]) -> npt.NDArray[np.float64]:
    """How often each picture is used in the edit stage: by the rarest of its most wanted attributes.

    Args:
        attributes: N × A, above 0 where present.
        names: Of the columns.

    Returns:
        N, of sum 1: proportional to the root of 1 / share of the rarest attribute present.
    """
    chosen = [column for column, name in enumerate(names) if name in FOCUS] or list(range(len(names)))
    present = attributes[:, chosen] > 0
    rarity = 1 / np.sqrt(np.maximum(present.mean(0), 0.01))
    weights = np.maximum((present * rarity).max(1), 1.0)
    return np.asarray(weights / weights.sum())


def tint(change: Tensor, deviation: Tensor) -> Tensor:
    """What of a change is colour: its difference from a grey one of the same mean over the channels.

    Args:
        change: Of standardised pictures, batch × channels × size × size.
        deviation: By which they were standardised.
    """
    pixels = change * deviation
    return (pixels - pixels.mean(1, keepdim=True)) / deviation


def _relative(real: Tensor, edited: Tensor) -> Tensor:
    """Of a relativistic game (Jolicoeur-Martineau 2019): how far ``real`` patches are from seeming the realer ones."""
    return functional.softplus(edited - real).mean()


def _bce(logits: Tensor, target: Tensor) -> Tensor:
    """Element-wise cross-entropy; ``target`` without the heads' dimension is the same for each."""
    return functional.binary_cross_entropy_with_logits(logits, target.expand_as(logits), reduction="none")


def _entropy(logits: Tensor) -> Tensor:
    """The least that `_bce` against ``sigmoid(logits)`` can be."""
    return functional.binary_cross_entropy_with_logits(logits, torch.sigmoid(logits), reduction="none")
