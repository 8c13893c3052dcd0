// Device code of `swiglu bench`: random operands, the activation of the unfused baseline and its gradient, a plain copy,
// the comparison of two results, and clock stamps. Compiled by NVRTC when a bench begins, for one 16-bit type: BENCH_F16 is 1 for f16, 0 for
// bf16 (which needs sm_80 or later). Plain CUDA C++ without headers.

using Pair = unsigned;  // two 16-bit numbers, the first in the low half
using Count = unsigned long long;

__device__ float2 widen(Pair pair) {
#if BENCH_F16
  float2 values;
  asm("{ .reg .b16 low, high; mov.b32 {low, high}, %2; cvt.f32.f16 %0, low; cvt.f32.f16 %1, high; }"
      : "=f"(values.x), "=f"(values.y)
      : "r"(pair));
  return values;
#else
  return {__uint_as_float(pair << 16), __uint_as_float(pair & 0xffff0000u)};
#endif
}

__device__ Pair narrow(float first, float second) {
  Pair pair;
#if BENCH_F16
  asm("{ .reg .b16 low, high; cvt.rn.f16.f32 low, %1; cvt.rn.f16.f32 high, %2; mov.b32 %0, {low, high}; }"
      : "=r"(pair)
      : "f"(first), "f"(second));
#else
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(second), "f"(first));
#endif
  return pair;
}

__device__ Count mix(Count value) {  // splitmix64
  value += 0x9e3779b97f4a7c15u;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
  return value ^ (value >> 31);
}

// N(0, scale^2): pair i is the Box-Muller pair of counter i, whatever the grid.
extern "C" __global__ void fill_normal(Pair* pairs, Count count, Count key, float scale) {
  const Count step = static_cast<Count>(gridDim.x) * blockDim.x;
  for (Count i = static_cast<Count>(blockIdx.x) * blockDim.x + threadIdx.x; i < count; i += step) {
    const Count bits = mix(key + i);
    const float uniform = (static_cast<float>(bits >> 32) + 1.0f) * 0x1p-32f;  // above 0: the logarithm is finite
    const float radius = scale * sqrtf(fmaxf(0.0f, -2.0f * logf(uniform)));
    float sine;
    float cosine;
    sincospif(static_cast<float>(bits & 0xffffffffu) * 0x1p-31f, &sine, &cosine);
    pairs[i] = narrow(radius * cosine, radius * sine);
  }
}

__device__ float silu(float g) { return __fdividef(g, 1.0f + __expf(-g)); }

__device__ Pair activate_pair(Pair g, Pair u) {
  const float2 gate = widen(g);
  const float2 up = widen(u);
  return narrow(silu(gate.x) * up.x, silu(gate.y) * up.y);
}

// out = silu(g) * u where a row of gu is g, then u. 8 elements (16 bytes) a thread; `vectors` = m * row_vectors of
// those in out.
extern "C" __global__ void __launch_bounds__(256)
    activate(const uint4* __restrict__ gu, uint4* __restrict__ out, unsigned row_vectors, unsigned vectors) {
  const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= vectors) {
    return;
  }
  const unsigned row = i / row_vectors;
  const uint4* gate = gu + (static_cast<Count>(row) * row_vectors + i);  // 2 row row_vectors + column
  const uint4 g = gate[0];
  const uint4 u = gate[row_vectors];
  out[i] = {activate_pair(g.x, u.x), activate_pair(g.y, u.y), activate_pair(g.z, u.z), activate_pair(g.w, u.w)};
}

struct PairOfGradients {
  Pair dg;
  Pair du;
};

__device__ float2 gradients(float dout, float g, float u) {
  const float s = __fdividef(1.0f, 1.0f + __expf(-g));
  const float silu = g * s;
  return {dout * u * (s + silu * (1.0f - s)), dout * silu};
}

__device__ PairOfGradients gradients_pair(Pair dout, Pair g, Pair u) {
  const float2 down = widen(dout);
  const float2 gate = widen(g);
  const float2 up = widen(u);
  const float2 first = gradients(down.x, gate.x, up.x);
  const float2 second = gradients(down.y, gate.y, up.y);
  return {narrow(first.x, second.x), narrow(first.y, second.y)};
}

// dgu = dg and du of dout and gu, where a row of gu is g, then u, and of dgu dg, then du. Otherwise as activate.
extern "C" __global__ void __launch_bounds__(256)
    gradients_of(const uint4* __restrict__ dout, const uint4* __restrict__ gu, uint4* __restrict__ dgu,
                 unsigned row_vectors, unsigned vectors) {
  const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= vectors) {
    return;
  }
  const unsigned row = i / row_vectors;
  const Count at = static_cast<Count>(row) * row_vectors + i;  // 2 row row_vectors + column
  const uint4 d = dout[i];
  const uint4 g = gu[at];
  const uint4 u = gu[at + row_vectors];
  const PairOfGradients x = gradients_pair(d.x, g.x, u.x);
  const PairOfGradients y = gradients_pair(d.y, g.y, u.y);
  const PairOfGradients z = gradients_pair(d.z, g.z, u.z);
  const PairOfGradients w = gradients_pair(d.w, g.w, u.w);
  dgu[at] = {x.dg, y.dg, z.dg, w.dg};
  dgu[at + row_vectors] = {x.du, y.du, z.du, w.du};
}

// 16 bytes at a time, four of those a thread in flight: as fast as a copy is.
extern "C" __global__ void __launch_bounds__(256)
    copy(const uint4* __restrict__ from, uint4* __restrict__ to, unsigned vectors) {
  const unsigned first = blockIdx.x * 4u * blockDim.x + threadIdx.x;
  uint4 values[4];
#pragma unroll
  for (unsigned i = 0; i < 4; ++i) {
    if (first + i * blockDim.x < vectors) {
      values[i] = from[first + i * blockDim.x];
    }
  }
#pragma unroll
  for (unsigned i = 0; i < 4; ++i) {
    if (first + i * blockDim.x < vectors) {
      to[first + i * blockDim.x] = values[i];
    }
  }
}

// sums[block] = sums of (actual - expected)^2 and of expected^2 over a 64x64 block: 256 threads, a grid of blocks of
// columns by blocks of rows. Columns and both pitches (elements) are even. A NaN makes its block's sums NaN.
extern "C" __global__ void __launch_bounds__(256)
    compare(const Pair* actual, Count actual_pitch, const Pair* expected, Count expected_pitch, Count rows,
            Count columns, float2* sums) {
  const Count column = blockIdx.x * 64ull + threadIdx.x % 32 * 2;
  float difference = 0;
  float magnitude = 0;
  for (Count row = blockIdx.y * 64ull + threadIdx.x / 32; row < rows && row < (blockIdx.y + 1) * 64ull; row += 8) {
    if (column < columns) {
      const float2 a = widen(actual[(row * actual_pitch + column) / 2]);
      const float2 e = widen(expected[(row * expected_pitch + column) / 2]);
      difference += (a.x - e.x) * (a.x - e.x) + (a.y - e.y) * (a.y - e.y);
      magnitude += e.x * e.x + e.y * e.y;
    }
  }
  __shared__ float2 partial[256];
  partial[threadIdx.x] = {difference, magnitude};
  for (unsigned half = 128; half != 0; half /= 2) {
    __syncthreads();
    if (threadIdx.x < half) {
      partial[threadIdx.x].x += partial[threadIdx.x + half].x;
      partial[threadIdx.x].y += partial[threadIdx.x + half].y;
    }
  }
  if (threadIdx.x == 0) {
    sums[static_cast<Count>(blockIdx.y) * gridDim.x + blockIdx.x] = partial[0];
  }
}

// The multiprocessor's cycle counter and the time of day in nanoseconds, for each multiprocessor that a block runs on.
extern "C" __global__ void stamp(ulonglong2* stamps, unsigned slots) {
  unsigned multiprocessor;
  Count cycles;
  Count nanoseconds;
  asm volatile("mov.u32 %0, %%smid;" : "=r"(multiprocessor));
  asm volatile("mov.u64 %0, %%clock64;" : "=l"(cycles));
  asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(nanoseconds));
  if (threadIdx.x == 0 && multiprocessor < slots) {
    stamps[multiprocessor] = {cycles, nanoseconds};
  }
}
