"""Training and evaluation of one network; fine-tuning is training with a mask."""

from rflib.training.evaluation import Evaluation, evaluate
from rflib.training.loop import learning_rate, train
from rflib.training.state import TrainingState

__all__ = ["Evaluation", "TrainingState", "evaluate", "learning_rate", "train"]
