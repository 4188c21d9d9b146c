import benchmarks as benchmarks
import losses as losses
import nn as nn
import train as train
from benchmarks import METHODS as METHODS
from benchmarks import SUITES as SUITES
from benchmarks import Candidate as Candidate
from benchmarks import Comparison as Comparison
from benchmarks import Crossover as Crossover
from benchmarks import Difference as Difference
from benchmarks import Differences as Differences
from benchmarks import Estimate as Estimate
from benchmarks import Finding as Finding
from benchmarks import Flops as Flops
from benchmarks import MadeBy as MadeBy
from benchmarks import Memory as Memory
from benchmarks import Method as Method
from benchmarks import ModeLine as ModeLine
from benchmarks import Obstacle as Obstacle
from benchmarks import Ratio as Ratio
from benchmarks import Residual as Residual
from benchmarks import Row as Row
from benchmarks import Samples as Samples
from benchmarks import Scenario as Scenario
from benchmarks import Side as Side
from benchmarks import Verdict as Verdict
from benchmarks import bounds as bounds
from benchmarks import compare as compare
from benchmarks import diff as diff
from benchmarks import flops as flops
from benchmarks import obstacles as obstacles
from benchmarks import residuals as residuals

from ._load import load as load

__version__: str
