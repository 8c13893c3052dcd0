// The vocabulary of the library: a problem (swiglu/problem.h), a tile, the kernel configuration made of them
// (swiglu/tile.h), and what follows from one: shared memory (swiglu/shared_layout.h) and grid (swiglu/grid.h). Whether
// it is valid at all: swiglu/validity.h.
//
// Shared by the host (space, estimate, stores, launch) and by every kernel template, so that a byte count or a rule
// about tiles exists once. Read by g++, clang, nvcc and NVRTC alike. Everything is constexpr and without state.
#pragma once

#include "swiglu/grid.h"
#include "swiglu/problem.h"
#include "swiglu/shared_layout.h"
#include "swiglu/tile.h"
