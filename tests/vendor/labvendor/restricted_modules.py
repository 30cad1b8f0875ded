# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""linux-restricted-modules: kernel modules that Canonical has built and signed, for each kernel.

Sources, in short form:
  pages     packages.ubuntu.com: linux-modules-nvidia-580-6.17.0-40-generic, linux-objects-nvidia-580-*,
            linux-modules-nvidia-580-generic; file lists of linux-signatures-nvidia-5.15.0-1055-aws
            (kernel/nvidia-*/bits/*.ko.sig) and linux-objects-nvidia-580-server-open-6.14.0-1012-oracle
            (kernel/nvidia-580srv-open/*.ko)
  provides  apt-cache show linux-modules-nvidia-595-generic-hwe-22.04: Provides nvidia-dkms-595 (= ...),
            nvidia-prebuilt-kernel
The open modules come signed as they are. The proprietary ones come as objects and signatures apart, and the
package of the modules puts them together on the node.
"""

from __future__ import annotations

from labvendor.model import ARCHIVE, Row

# fmt: off
#: For each release, flavour and kernel.
ROWS = (
    Row("linux-objects-nvidia-{b}{s}-{k}", "pages", "Linux kernel nvidia modules for version {k} (objects)",
        layouts=ARCHIVE, section="restricted/kernel", version="{lrm}", depends="binutils",
        payload="linux_objects", left_out="linking: the objects are whole modules that lack their signature"),
    Row("linux-objects-nvidia-{b}{s}-open-{k}", "pages", layouts=ARCHIVE, flavour="-open",
        summary="Linux kernel nvidia modules for version {k} (objects)", section="restricted/kernel",
        version="{lrm}", payload="linux_objects_open"),
    Row("linux-modules-nvidia-{b}{s}-{k}", "pages; dependency on objects and signatures inferred",
        "Linux kernel nvidia modules for version {k}", layouts=ARCHIVE, section="restricted/kernel",
        version="{lrm}", payload="linux_modules",
        depends="linux-image-{k} | linux-image-unsigned-{k}, linux-objects-nvidia-{b}{s}-{k} (= {lrm}), "
                "linux-signatures-nvidia-{k} (= {lrm})"),
    Row("linux-modules-nvidia-{b}{s}-open-{k}", "pages; dependency on objects inferred",
        "Linux kernel nvidia modules for version {k}", layouts=ARCHIVE, section="restricted/kernel",
        flavour="-open", version="{lrm}", payload="linux_modules",
        depends="linux-image-{k} | linux-image-unsigned-{k}, linux-objects-nvidia-{b}{s}-open-{k} (= {lrm})"),
)

#: For each release, flavour and flavour of kernel; {kf} is generic or one of the HWE names.
META_ROWS = (
    Row("linux-modules-nvidia-{b}{s}{x}-{kf}", "pages; provides", layouts=ARCHIVE, flavours=True,
        summary="Extra drivers for nvidia-{b}{s}{x} for the {kf} flavour", section="restricted/kernel",
        version="{lrm}",
        depends="linux-modules-nvidia-{b}{s}{x}-{k} (= {lrm}), nvidia-kernel-common-{b}{s} (>= {v})",
        provides="nvidia-dkms-{b}{s}{x} (= {full}), nvidia-prebuilt-kernel"),
)

#: The same names once their branch is superseded (pages: linux-modules-nvidia-590-generic).
TRANSITIONAL_ROWS = (
    Row("linux-modules-nvidia-{b}{s}{x}-{kf}", "pages", layouts=ARCHIVE, flavours=True,
        summary="Extra drivers for nvidia-{b}{s}{x} for the {kf} flavour (dummy transitional package)",
        section="restricted/kernel", version="{lrm}", depends="linux-modules-nvidia-{to}{s}{x}-{kf}"),
)

#: Once for each kernel.
SIGNATURES = Row("linux-signatures-nvidia-{k}", "pages",
                 "Linux kernel signatures for nvidia modules for version {k}", layouts=ARCHIVE,
                 section="restricted/kernel", version="{lrm}",
                 depends="linux-image-{k} | linux-image-unsigned-{k}", payload="linux_signatures")
# fmt: on
