// Texts from Python to words and ids. ASCII strings are read in place; Python lower-cases the others.
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "bindings/arrays.hpp"
#include "bindings/bindings.hpp"
#include "text/hashed.hpp"
#include "text/padding.hpp"
#include "text/tokens.hpp"

namespace seqconv {
namespace {

constexpr size_t MAX_BYTES = INT32_MAX;  // of one text
constexpr int MOST_CHARACTERS = 64;  // of an n-gram
constexpr int64_t MAX_PADDED = INT32_MAX;  // ids of an array, 8 GiB

void check_padded(size_t texts, int64_t length) {
  check_at_least("length", length, 1);
  if (length <= MAX_PADDED / static_cast<int64_t>(texts > 0 ? texts : 1)) return;
  refuse("length: " + std::to_string(texts) + " texts must have fewer than 2^31 ids in all; got a length of " +
         std::to_string(length));
}

[[noreturn]] void refuse_text(size_t text, const std::string& why) {
  refuse("texts[" + std::to_string(text) + "]: " + why);
}

// The method itself, found once: looking it up for every text takes longer than calling it.
bool is_ascii(nb::handle text) {
  static const nb::object& method = *new nb::object(nb::handle(&PyUnicode_Type).attr("isascii"));
  return method(text).ptr() == Py_True;
}

// The bytes of Python's strings. They stay valid for as long as this object lives, whatever happens to the
// sequence meanwhile.
struct Strings {
  explicit Strings(nb::handle sequence) {
    if (PyUnicode_Check(sequence.ptr()))
      refuse("texts: must be a list of strings; got one string. Put it in a list");
    held = nb::steal<nb::tuple>(PySequence_Tuple(sequence.ptr()));
    if (!held.is_valid()) throw nb::python_error();
    texts.reserve(held.size());
    for (nb::handle text : held) texts.push_back(read(text));
  }

  std::string_view read(nb::handle text) {
    if (!PyUnicode_Check(text.ptr())) {
      const std::string type = nb::cast<std::string>(text.type().attr("__name__"));
      refuse_text(texts.size(), "must be a string; got " + type + ". Fill it in or drop it");
    }
    if (!is_ascii(text)) {
      lowered.push_back(text.attr("lower")());
      text = lowered.back();
    }
    Py_ssize_t size = 0;
    const char* bytes = PyUnicode_AsUTF8AndSize(text.ptr(), &size);
    if (bytes == nullptr) {
      if (!PyErr_ExceptionMatches(PyExc_UnicodeEncodeError)) throw nb::python_error();
      PyErr_Clear();
      refuse_text(texts.size(), "must be valid Unicode; got a lone surrogate. Decode with errors='replace'");
    }
    if (static_cast<size_t>(size) > MAX_BYTES) refuse_text(texts.size(), "must be shorter than 2 GiB. Cut it");
    return {bytes, static_cast<size_t>(size)};
  }

  Texts texts;
  nb::tuple held;
  std::vector<nb::object> lowered;
};

using Padded = NewArray<int32_t, 2>;
using Counts = nb::typed<nb::tuple, NewArray<int32_t, 1>, NewArray<int32_t, 1>, NewArray<int64_t, 1>>;
using TextList = nb::typed<nb::sequence, nb::str>;
using Ids = nb::typed<nb::tuple, NewArray<int32_t, 1>, NewArray<int64_t, 1>>;  // and offsets
using FittedIds =
    nb::typed<nb::tuple, nb::typed<nb::list, nb::str>, NewArray<int32_t, 1>, NewArray<int64_t, 1>>;

Ids to_arrays(Encoded encoded) {
  const size_t size = encoded.size();
  return nb::make_tuple(to_array(std::move(encoded.ids), {size}),
                        to_array(std::move(encoded.offsets), {encoded.texts + 1}));
}

FittedIds fit(const Separators& separators, const TextList& texts, size_t size, int threads) {
  if (size <= FIRST_WORD_ID || size > INT32_MAX)
    refuse("size: must be 4 to 2147483647; got " + std::to_string(size));
  const Strings strings(texts);
  Fitted fitted;
  {
    const nb::gil_scoped_release released;
    fitted = fit_words(separators, strings.texts, size, threads);
  }
  const nb::tuple arrays = to_arrays(std::move(fitted.encoded));
  return nb::make_tuple(fitted.words, arrays[0], arrays[1]);
}

// The buckets that count(texts) finds, how often each occurs, and the texts' offsets
template <class Count>
Counts count_buckets(const TextList& texts, int bits, Count&& count) {
  if (bits < 1 || bits > 30) refuse("bits: must be 1 to 30; got " + std::to_string(bits));
  const Strings strings(texts);
  BucketCounts found;
  {
    const nb::gil_scoped_release released;
    found = count(strings.texts);
  }
  const auto size = static_cast<size_t>(found.offsets[strings.texts.size()]);
  return nb::make_tuple(to_array(std::move(found.buckets), {size}), to_array(std::move(found.times), {size}),
                        to_array(std::move(found.offsets), {strings.texts.size() + 1}));
}

Counts word_counts(const Separators& separators, const TextList& texts, int bits, int threads) {
  return count_buckets(texts, bits, [&](const Texts& own) { return count_words(separators, own, bits, threads); });
}

Counts character_counts(const TextList& texts, int longest, int bits, int threads) {
  if (longest < 1 || longest > MOST_CHARACTERS)
    refuse("longest: must be 1 to " + std::to_string(MOST_CHARACTERS) + "; got " + std::to_string(longest));
  return count_buckets(texts, bits, [&](const Texts& own) { return count_characters(own, longest, bits, threads); });
}

Padded pad(const IntsIn<1>& ids, const LongsIn<1>& offsets, int64_t length) {
  const size_t texts = offsets.shape(0) > 0 ? offsets.shape(0) - 1 : 0;
  check_padded(texts, length);
  const int64_t* const offset = offsets.data();
  for (size_t text = 0; text < texts; ++text)
    if (offset[text] < 0 || offset[text] > offset[text + 1] ||
        offset[text + 1] > static_cast<int64_t>(ids.size()))
      refuse("offsets: must ascend from 0 to at most " + std::to_string(ids.size()) + "; got " +
             std::to_string(offset[text]) + " and " + std::to_string(offset[text + 1]) + " at " +
             std::to_string(text));
  return to_array(pad_texts(ids.data(), offset, texts, length), {texts, static_cast<size_t>(length)});
}

int64_t count_padding(const IntsIn<2>& ids) {
  return count_shared_padding(ids.data(), ids.shape(0), size_of(ids, 1));
}

// A finished vocabulary: look-ups only, from any number of Python threads at once.
class WordIds {
 public:
  WordIds(const Separators& separators, const std::vector<std::string>& words) : separators_(separators) {
    for (size_t place = 0; place < words.size(); ++place) {
      const std::string &text = words[place], padded = text + std::string(8, '\0');
      if (text.empty()) refuse("words: must not be empty; got ''");
      if (table_.add(Word(padded.data(), text.size())) != place)
        refuse("words: each must stand once; got '" + text + "' twice");
    }
  }

  Ids encode(const TextList& texts, int threads) const {
    const Strings strings(texts);
    Encoded encoded;
    {
      const nb::gil_scoped_release released;
      encoded = encode_words(separators_, table_, strings.texts, threads);
    }
    return to_arrays(std::move(encoded));
  }

  Padded encode_padded(const TextList& texts, int64_t length, int threads) const {
    const Strings strings(texts);
    check_padded(strings.texts.size(), length);
    std::unique_ptr<int32_t[]> padded;
    {
      const nb::gil_scoped_release released;
      const Encoded encoded = encode_words(separators_, table_, strings.texts, threads);
      padded = pad_texts(encoded.ids.get(), encoded.offsets.get(), encoded.texts, length);
    }
    return to_array(std::move(padded), {strings.texts.size(), static_cast<size_t>(length)});
  }

 private:
  Separators separators_;
  WordTable table_;
};

}  // namespace

void bind_tokens(nb::module_& m) {
  nb::class_<Separators>(m, "Separators", "Which code points end a word.")
      .def(nb::init<const std::vector<std::pair<uint32_t, uint32_t>>&>(), nb::arg("ranges"),
           "From ranges of code points, both ends included.")
      .def("fit", &fit, nb::arg("texts"), nb::arg("size"), nb::arg("threads"),
           "The most frequent words for at most `size` ids, and the texts' ids and offsets.")
      .def("count", &word_counts, nb::arg("texts"), nb::arg("bits"), nb::arg("threads"),
           "Distinct buckets of each text's words, how often each occurs, and the texts' offsets.");
  m.def("character_counts", &character_counts, nb::arg("texts"), nb::arg("longest"), nb::arg("bits"),
        nb::arg("threads"), "The same for its n-grams of 1 to `longest` characters.");
  m.def("pad", &pad, array("ids"), array("offsets"), nb::arg("length"),
        "The last `length` ids of each text, padding before those of a shorter one, [N, length].");
  m.def("count_padding", &count_padding, array("ids"),
        "Leading padding that all rows share.");
  nb::class_<WordIds>(m, "WordIds", "The ids of a vocabulary's words.")
      .def(nb::init<const Separators&, const std::vector<std::string>&>(), nb::arg("separators"),
           nb::arg("words"))
      .def("encode", &WordIds::encode, nb::arg("texts"), nb::arg("threads"),
           "The texts' ids and offsets.")
      .def("encode_padded", &WordIds::encode_padded, nb::arg("texts"), nb::arg("length"), nb::arg("threads"),
           "As pad after encode, [N, length].");
}

}  // namespace seqconv
