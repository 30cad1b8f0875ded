# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Simulated NVIDIA hardware and its simulated kernel module: files that real software reads."""
