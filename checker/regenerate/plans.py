"""What is regenerated: the applications that the reference script is set to, and the script as set."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Dict, Mapping

from checker.errors import ToolError, UsageError

IMAGE_SIDE = 32  # pixels; a Lambda enlarges by whole factors


@dataclass(frozen=True)
class Plan:
    """An application, the module with its ``preprocess_input``, and what the script's constants are set to.

    ``cut`` is the first layer of the part that is trained: in Keras's own graph of the application every
    later layer depends on what enters it. ``size``, and the ``smallest`` that the application takes, are in
    pixels.
    """

    application: str
    module: str
    cut: str
    size: int
    tune_epochs: int = 6
    tune_rate: str = "3e-4"  # as it is written
    head_epochs: int = 10
    batch: int = 128
    smallest: int = 32

    def constants(self) -> Dict[str, str]:
        """The script's constants, as they are written in it."""
        return {
            "APPLICATION": "K.applications." + self.application,
            "PREPROCESS": "K.applications.{}.preprocess_input".format(self.module),
            "CUT": repr(self.cut),
            "SIZE": str(self.size),
            "BATCH": str(self.batch),
            "HEAD_EPOCHS, HEAD_RATE": "{}, 1e-3".format(self.head_epochs),
            "TUNE_EPOCHS, TUNE_RATE": "{}, {}".format(self.tune_epochs, self.tune_rate),
        }


_PLANS = (
    Plan("DenseNet121", "densenet", "conv5_block1_0_bn", 160),
    Plan("DenseNet169", "densenet", "conv5_block1_0_bn", 160),
    Plan("DenseNet201", "densenet", "conv5_block1_0_bn", 160),
    Plan("EfficientNetB0", "efficientnet", "block6a_expand_conv", 160),
    Plan("MobileNetV2", "mobilenet_v2", "block_13_expand", 96),
    Plan("ResNet50", "resnet", "conv5_block1_1_conv", 160),
    Plan("ResNet50V2", "resnet_v2", "conv5_block1_preact_bn", 160),
    Plan("VGG16", "vgg16", "block5_conv1", 96),
    Plan("VGG19", "vgg19", "block5_conv1", 96),
    Plan("Xception", "xception", "block11_sepconv1_act", 128, smallest=96),
)
PLANS = {plan.application: plan for plan in _PLANS}
_UNLISTED_SIZE = 160  # pixels; all applications take that
DEFAULT, DEFAULT_SMOKE = "DenseNet121", "MobileNetV2"
RECIPES = ("full", "smoke")
_LARGEST = 331  # pixels; no application was trained on larger images


def plan(application: str) -> Plan:
    """The plan of an application; of one that is not listed, a stage finds ``module`` and ``cut``."""
    return PLANS.get(application) or Plan(application, "", "", _UNLISTED_SIZE, smallest=96)


def smoke(plan: Plan) -> Plan:
    """The same on the smallest images and for few epochs: a trial of every stage."""
    return replace(plan, size=plan.smallest, head_epochs=2, tune_epochs=2)


def sized(plan: Plan, size: int) -> Plan:
    """The plan for images of ``size`` pixels. Raises UsageError where that cannot be."""
    largest = _LARGEST // IMAGE_SIDE * IMAGE_SIDE
    if size % IMAGE_SIDE or not plan.smallest <= size <= largest:
        near = min(max(round(size / IMAGE_SIDE) * IMAGE_SIDE, plan.smallest), largest)
        raise UsageError(
            "--size {}: expected a multiple of {} from {} to {} for {}, because the Lambda enlarges by whole"
            " factors; the nearest is {}.".format(
                size, IMAGE_SIDE, plan.smallest, largest, plan.application, near
            )
        )
    return replace(plan, size=size)


def with_constants(script: str, constants: Mapping[str, str]) -> str:
    """The text of the reference script with these constants; comments behind them are kept.

    A new value and the comment have to fit one line of the course's style: where they do not, the comment
    goes.
    """
    for name, value in constants.items():
        pattern = re.compile(r"^{} = (?P<old>[^#\n]*?)(?P<comment>  #[^\n]*)?$".format(re.escape(name)), re.M)
        found = pattern.search(script)
        if found is None:
            raise ToolError("the reference script has no constant {}".format(name))
        line = "{} = {}".format(name, value)
        comment = found.group("comment") or ""
        if len(line + comment) > 79:
            comment = ""
        script = script[: found.start()] + line + comment + script[found.end() :]
    return script
