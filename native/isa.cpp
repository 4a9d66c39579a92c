#include "isa.hpp"

#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>

namespace seqconv {
namespace {

Isa widest_isa() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (avx2) return avx512 ? Isa::avx512 : Isa::avx2;
#endif
  return Isa::base;
}

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
