/* SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The CUDA version that each driver branch reports (1000 * major + 10 * minor), as in the banner of
 * its nvidia-smi. Source: NVIDIA data-centre driver release notes, per branch,
 * https://docs.nvidia.com/datacenter/tesla/ .
 */
#if DRIVER_BRANCH == 615
#define CUDA_VERSION 13040
#elif DRIVER_BRANCH == 610
#define CUDA_VERSION 13030
#elif DRIVER_BRANCH == 595
#define CUDA_VERSION 13020
#elif DRIVER_BRANCH == 590
#define CUDA_VERSION 13010
#elif DRIVER_BRANCH == 580
#define CUDA_VERSION 13000
#elif DRIVER_BRANCH == 575
#define CUDA_VERSION 12090
#elif DRIVER_BRANCH == 570
#define CUDA_VERSION 12080
#elif DRIVER_BRANCH == 565
#define CUDA_VERSION 12070
#elif DRIVER_BRANCH == 560
#define CUDA_VERSION 12060
#elif DRIVER_BRANCH == 555
#define CUDA_VERSION 12050
#elif DRIVER_BRANCH == 550
#define CUDA_VERSION 12040
#elif DRIVER_BRANCH == 545
#define CUDA_VERSION 12030
#elif DRIVER_BRANCH == 535
#define CUDA_VERSION 12020
#elif DRIVER_BRANCH == 530
#define CUDA_VERSION 12010
#elif DRIVER_BRANCH == 525
#define CUDA_VERSION 12000
#elif DRIVER_BRANCH == 520
#define CUDA_VERSION 11080
#elif DRIVER_BRANCH == 515
#define CUDA_VERSION 11070
#elif DRIVER_BRANCH == 510
#define CUDA_VERSION 11060
#elif DRIVER_BRANCH == 495
#define CUDA_VERSION 11050
#elif DRIVER_BRANCH == 470
#define CUDA_VERSION 11040
#elif DRIVER_BRANCH == 465
#define CUDA_VERSION 11030
#elif DRIVER_BRANCH == 460
#define CUDA_VERSION 11020
#elif DRIVER_BRANCH == 455
#define CUDA_VERSION 11010
#elif DRIVER_BRANCH == 450
#define CUDA_VERSION 11000
#else
#error "this driver branch is not in cuda_version.h: add the CUDA version that it reports"
#endif
