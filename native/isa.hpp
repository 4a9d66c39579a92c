// Which instruction set this process uses. Kernel sources are compiled once per set, each into a namespace of its name;
// a kernel header declares its table of functions with SEQCONV_KERNELS, and callers reach it through that accessor.
#pragma once

namespace seqconv {

enum class Isa { base, avx2, avx512 };

// The widest set that this processor has, or the one that the environment variable SEQCONV_ISA names (for tests).
Isa chosen_isa();
const char* isa_name();

}  // namespace seqconv

#if defined(__x86_64__)
#define SEQCONV_KERNELS(Table, name)                          \
  namespace base { extern const Table name##_table; }         \
  namespace avx2 { extern const Table name##_table; }         \
  namespace avx512 { extern const Table name##_table; }       \
  inline const Table& name() {                                \
    switch (chosen_isa()) {                                   \
      case Isa::avx512: return avx512::name##_table;          \
      case Isa::avx2: return avx2::name##_table;              \
      default: return base::name##_table;                     \
    }                                                         \
  }
#else
#define SEQCONV_KERNELS(Table, name)                          \
  namespace base { extern const Table name##_table; }         \
  inline const Table& name() { return base::name##_table; }
#endif
