# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""nvidia-smi of the simulated node. It asks libnvidia-ml.so.1, whichever that is, and nothing else."""
