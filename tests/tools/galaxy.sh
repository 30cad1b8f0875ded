#!/bin/sh
# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
# Build the collection's archive from a clean copy, install it, and run the checks that Galaxy runs on an upload.
# Use: galaxy.sh [--build-only]
set -eu
cd "$(dirname "$0")/../.."
tree=$(python -c 'import sys; sys.path.insert(0, "tests/tools"); import tree; print(tree.copy("galaxy"))')
installed=$PWD/.build/installed
rm -f .build/dist/*.tar.gz
ansible-galaxy collection build --force --output-path .build/dist "$tree"
[ "${1:-}" = --build-only ] && exit 0

# Installed from a checkout, as the README says, its playbook is found and its role's tasks can be read.
rm -rf .build/installed
(cd "$tree" && ansible-galaxy collection install --force --collections-path "$installed" .)
ANSIBLE_COLLECTIONS_PATH=$installed ansible-playbook --syntax-check labfleet.gpu.site

cat >.build/galaxy-importer.cfg <<'CONFIG'
[galaxy-importer]
RUN_ANSIBLE_TEST = False
RUN_ANSIBLE_LINT = False
CHECK_REQUIRED_TAGS = True
REQUIRE_V1_OR_GREATER = False
CONFIG
cd .build # it leaves its result in the working folder
GALAXY_IMPORTER_CONFIG=galaxy-importer.cfg python -m galaxy_importer.main dist/*.tar.gz 2>&1 | tee galaxy.log
# That there are ignore files is no finding: tests/sanity/ignore-*.txt give the reason of each line.
if grep -E '^(ERROR|WARNING)' galaxy.log | grep -v 'Ignore files skip ansible-test sanity tests'; then
    echo "galaxy-importer is not content: see the lines above."
    exit 1
fi
