#!/bin/sh
# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
# Check the plugins' documentation, the changelog and the links between pages.
set -eu
cd "$(dirname "$0")/../.."
antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs self .
antsibull-changelog lint
python tests/tools/links.py
