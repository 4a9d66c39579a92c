#include "isa.hpp"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>

namespace seqconv {
namespace {

#if defined(__x86_64__)
// The parts of a register that the system saves for each process
uint32_t saved_state() {
  uint32_t low, high;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

// Asks the processor itself: the answers of __builtin_cpu_supports come from a runtime library that not every Clang
// links, and that is empty in some.
// Reference: Intel, Software Developer's Manual, volume 1, "Detection of AVX2" and "Detection of AVX-512".
Isa widest_isa() {
  constexpr uint32_t AVX_STATE = 0x6, AVX512_STATE = 0xe6;
  constexpr uint32_t AVX512 = bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL;
  uint32_t a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE) || !(c & bit_FMA)) return Isa::base;
  const uint32_t saved = saved_state();
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(b & bit_AVX2) || (saved & AVX_STATE) != AVX_STATE) return Isa::base;
  return (b & AVX512) == AVX512 && (saved & AVX512_STATE) == AVX512_STATE ? Isa::avx512 : Isa::avx2;
}
#else
Isa widest_isa() { return Isa::base; }
#endif

Isa choose() {
  const Isa widest = widest_isa();
  const char* wanted = std::getenv("SEQCONV_ISA");
  if (wanted == nullptr || *wanted == '\0') return widest;
  for (Isa isa : {Isa::base, Isa::avx2, Isa::avx512}) {
    const char* name = isa == Isa::base ? "base" : isa == Isa::avx2 ? "avx2" : "avx512";
    if (std::strcmp(wanted, name) == 0 && isa <= widest) return isa;
  }
  throw std::runtime_error(std::string("SEQCONV_ISA: must be base, avx2 or avx512 and supported here; got ") + wanted);
}

}  // namespace

Isa chosen_isa() {
  static const Isa isa = choose();
  return isa;
}

const char* isa_name() {
  switch (chosen_isa()) {
    case Isa::avx512: return "avx512";
    case Isa::avx2: return "avx2";
    default:
#if defined(__aarch64__)
      return "neon";
#else
      return "base";
#endif
  }
}

}  // namespace seqconv
