"""What a model says of new data, batch by batch, and how sure it is."""

from .batches import predict
from .uncertainty import Prediction

__all__ = ["Prediction", "predict"]
