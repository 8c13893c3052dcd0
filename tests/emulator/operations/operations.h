// The device operations that kernels reach through ptx/*.cuh and CUDA's built-in functions, executed on the host for
// the thread that runs now. Every one checks alignment and bounds; a violation that cannot be carried out ends the
// launch.
//
// Arithmetic model: see README.md.
#pragma once

#include <cstddef>

#include "engine/block.h"

namespace swiglu::emulator {

// ---- Asynchronous copies (cp.async) ----
void copy_async(int bytes, unsigned shared_destination, const void* global_source, int valid_bytes,
                const Location& where);
void copy_async_commit();
void copy_async_wait(int pending);

// ---- Loads and stores of one thread ----
void load_global(const void* source, void* destination, std::size_t bytes, const Location& where);
void store_global(void* destination, const void* source, std::size_t bytes, const Location& where);
void load_shared(unsigned source, void* destination, std::size_t bytes, const Location& where);
void store_shared(unsigned destination, const void* source, std::size_t bytes, const Location& where);

// ---- Warp collectives, called by all 32 lanes ----
// registers: two or four, a matrix of 8x8 each.
void load_matrix(bool four, bool transposed, unsigned* registers, unsigned address, const Location& where);
void store_matrix(bool four, bool transposed, const unsigned* registers, unsigned address, const Location& where);

enum class MmaType { bf16_f32, f16_f32, f16_f16 };  // operands and accumulator
// accumulators: four floats, or two registers of two f16 each.
void mma_m16n8k16(MmaType type, void* accumulators, const unsigned* a, const unsigned* b, const Location& where);

enum class Shuffle { index, exclusive_or, down };
unsigned shuffle(Shuffle kind, unsigned mask, unsigned value, int argument, int width, const Location& where);

unsigned ballot(unsigned mask, bool predicate, const Location& where);
void synchronize_warp(unsigned mask, const Location& where);
void synchronize_threads(const Location& where);

// ---- Warpgroup collectives, called by all 128 threads: setmaxnreg ----
void increase_registers(int registers, const Location& where);
void decrease_registers(int registers, const Location& where);

}  // namespace swiglu::emulator
