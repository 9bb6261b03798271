// Functions of texts. Positions and lengths count code points, as PostgreSQL's do in UTF-8; letters change case in ASCII alone, as under
// its collation C, so that a feature does not depend on the machine's locale.

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "function.h"

namespace isobar::features {

namespace {

constexpr std::size_t kTextBytesMost = std::size_t{64} << 20;

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

std::int64_t code_points(std::string_view text) {
  return static_cast<std::int64_t>(text.size()) - static_cast<std::int64_t>(std::ranges::count_if(text, continues));
}

/// The byte at which so many code points have gone by, or the end.
std::size_t byte_of(std::string_view text, std::int64_t code_point) {
  std::size_t at = 0;
  for (; code_point > 0 && at < text.size(); --code_point) do
      ++at;
    while (at < text.size() && continues(text[at]));
  return at;
}

Datum length_of_text(Evaluation&, const Datum* a) { return Datum::of(code_points(a[0].view())); }
Datum length_of_bytes(Evaluation&, const Datum* a) { return Datum::of(static_cast<std::int64_t>(a[0].size)); }

template <char kFrom>
Datum shifted(Evaluation& e, std::string_view text, int by) {
  char* out = e.allocate(text.size());
  std::ranges::transform(text, out, [by](char c) { return c >= kFrom && c < kFrom + 26 ? static_cast<char>(c + by) : c; });
  return Datum::of(std::string_view(out, text.size()));
}
Datum lower(Evaluation& e, const Datum* a) { return shifted<'A'>(e, a[0].view(), 'a' - 'A'); }
Datum upper(Evaluation& e, const Datum* a) { return shifted<'a'>(e, a[0].view(), 'A' - 'a'); }

Datum joined(Evaluation& e, const Datum* a) {
  const std::size_t size = a[0].size + a[1].size;
  if (size > kTextBytesMost) return e.fail("a text of more than 64 MiB");
  char* out = e.allocate(size);
  std::ranges::copy(a[0].view(), out);
  std::ranges::copy(a[1].view(), out + a[0].size);
  return Datum::of(std::string_view(out, size));
}

/// Positions count from 1, and those before it are there to be counted, too: substr('hello', -1, 3) is 'h'.
Datum part(std::string_view text, std::int64_t first, std::int64_t end) {
  const std::int64_t from = std::max<std::int64_t>(first, 1);
  if (end <= from) return Datum::of(std::string_view());
  const std::size_t begin = byte_of(text, from - 1);
  text.remove_prefix(begin);
  return Datum::of(text.substr(0, byte_of(text, end - from)));
}
Datum substr_from(Evaluation&, const Datum* a) { return part(a[0].view(), a[1].integer, INT64_MAX); }
Datum substr_count(Evaluation& e, const Datum* a) {
  if (a[2].integer < 0) return e.fail("a negative length of a part of a text");
  return part(a[0].view(), a[1].integer, a[1].integer + a[2].integer);  // of int32, in int64
}

/// Whether the code point at the front (or at the back) is one of those in `chars`; its size, or 0.
std::size_t front_in(std::string_view text, std::string_view chars) {
  const std::size_t size = byte_of(text, 1);
  return size > 0 && chars.find(text.substr(0, size)) != std::string_view::npos ? size : 0;
}
std::size_t back_in(std::string_view text, std::string_view chars) {
  std::size_t size = text.empty() ? 0 : 1;
  while (size < text.size() && continues(text[text.size() - size])) ++size;
  return size > 0 && chars.find(text.substr(text.size() - size)) != std::string_view::npos ? size : 0;
}
Datum trimmed(std::string_view text, std::string_view chars, bool front, bool back) {
  while (front && front_in(text, chars) > 0) text.remove_prefix(front_in(text, chars));
  while (back && back_in(text, chars) > 0) text.remove_suffix(back_in(text, chars));
  return Datum::of(text);
}
Datum trim_blanks(Evaluation&, const Datum* a) { return trimmed(a[0].view(), " ", true, true); }
Datum trim_chars(Evaluation&, const Datum* a) { return trimmed(a[0].view(), a[1].view(), true, true); }
Datum ltrim_blanks(Evaluation&, const Datum* a) { return trimmed(a[0].view(), " ", true, false); }
Datum ltrim_chars(Evaluation&, const Datum* a) { return trimmed(a[0].view(), a[1].view(), true, false); }
Datum rtrim_blanks(Evaluation&, const Datum* a) { return trimmed(a[0].view(), " ", false, true); }
Datum rtrim_chars(Evaluation&, const Datum* a) { return trimmed(a[0].view(), a[1].view(), false, true); }

/// The fields are counted from 1, or from the end by -1; one that is not there is empty.
Datum split_part(Evaluation& e, const Datum* a) {
  std::string_view text = a[0].view();
  const std::string_view separator = a[1].view();
  std::int64_t wanted = a[2].integer;
  if (wanted == 0) return e.fail("split_part counts its fields from 1");
  if (separator.empty()) return Datum::of(wanted == 1 || wanted == -1 ? text : std::string_view());
  if (wanted < 0) {
    std::int64_t fields = 1;
    for (std::size_t at = text.find(separator); at != std::string_view::npos; at = text.find(separator, at + separator.size())) ++fields;
    wanted += fields + 1;
    if (wanted <= 0) return Datum::of(std::string_view());
  }
  for (; wanted > 1; --wanted) {
    const std::size_t at = text.find(separator);
    if (at == std::string_view::npos) return Datum::of(std::string_view());
    text.remove_prefix(at + separator.size());
  }
  return Datum::of(text.substr(0, text.find(separator)));
}

Datum starts_with(Evaluation&, const Datum* a) { return Datum::of(a[0].view().starts_with(a[1].view())); }

/// A pattern of LIKE against a text from left to right; at a mismatch it goes back to the last % alone, which is enough, since an earlier
/// one can match no more than that one can. Cost O(|text|·|pattern|) at worst.
class Like {
 public:
  Like(std::string_view text, std::string_view pattern, std::string_view escape) : text_(text), pattern_(pattern), escape_(escape) {}
  bool bad() const { return bad_; }

  bool matches() {
    std::size_t t = 0, p = 0, star_p = std::string_view::npos, star_t = 0;
    while (t < text_.size()) {
      const Step step = read(p);
      if (bad_) return false;
      if (step.kind == Step::kAny) star_p = p = step.next, star_t = t;
      else if (const std::size_t taken = step.kind == Step::kEnd ? 0 : take(step, t); taken > 0) t += taken, p = step.next;
      else if (star_p == std::string_view::npos) return false;
      else p = star_p, t = star_t += byte_of(text_.substr(star_t), 1);
    }
    for (Step step = read(p); step.kind == Step::kAny; step = read(p)) p = step.next;
    return !bad_ && read(p).kind == Step::kEnd;
  }

 private:
  struct Step {
    enum What { kEnd, kAny, kOne, kLiteral } kind;
    std::size_t next;
    std::string_view literal;
  };
  Step read(std::size_t p) {
    if (p >= pattern_.size()) return {Step::kEnd, p, {}};
    if (!escape_.empty() && pattern_.substr(p).starts_with(escape_)) {
      p += escape_.size();
      if (p >= pattern_.size()) return bad_ = true, Step{Step::kEnd, p, {}};
    } else if (pattern_[p] == '%') {
      return {Step::kAny, p + 1, {}};
    } else if (pattern_[p] == '_') {
      return {Step::kOne, p + 1, {}};
    }
    const std::size_t size = byte_of(pattern_.substr(p), 1);
    return {Step::kLiteral, p + size, pattern_.substr(p, size)};
  }
  std::size_t take(const Step& step, std::size_t t) const {
    if (step.kind == Step::kOne) return byte_of(text_.substr(t), 1);
    return text_.substr(t).starts_with(step.literal) ? step.literal.size() : 0;
  }

  std::string_view text_, pattern_, escape_;
  bool bad_ = false;
};

Datum like_escaped(Evaluation& e, const Datum* a) {
  if (code_points(a[2].view()) > 1) return e.fail("an escape of LIKE is one character, or none");
  Like like(a[0].view(), a[1].view(), a[2].view());
  const bool matches = like.matches();
  return like.bad() ? e.fail("the pattern of LIKE ends in its escape") : Datum::of(matches);
}
Datum like(Evaluation& e, const Datum* a) {
  const Datum arguments[] = {a[0], a[1], Datum::of(std::string_view("\\"))};
  return like_escaped(e, arguments);
}

constexpr std::array kTextFunctions{
    Signature{"||", 2, {kStringType, kStringType}, kStringType, joined},
    Signature{"||", 2, {kBytesType, kBytesType}, kBytesType, joined},
    Signature{"length", 1, {kStringType}, kInt32Type, length_of_text},
    Signature{"length", 1, {kBytesType}, kInt32Type, length_of_bytes},
    Signature{"lower", 1, {kStringType}, kStringType, lower},
    Signature{"upper", 1, {kStringType}, kStringType, upper},
    Signature{"substr", 2, {kStringType, kInt32Type}, kStringType, substr_from},
    Signature{"substr", 3, {kStringType, kInt32Type, kInt32Type}, kStringType, substr_count},
    Signature{"substring", 2, {kStringType, kInt32Type}, kStringType, substr_from},
    Signature{"substring", 3, {kStringType, kInt32Type, kInt32Type}, kStringType, substr_count},
    Signature{"btrim", 1, {kStringType}, kStringType, trim_blanks},
    Signature{"btrim", 2, {kStringType, kStringType}, kStringType, trim_chars},
    Signature{"ltrim", 1, {kStringType}, kStringType, ltrim_blanks},
    Signature{"ltrim", 2, {kStringType, kStringType}, kStringType, ltrim_chars},
    Signature{"rtrim", 1, {kStringType}, kStringType, rtrim_blanks},
    Signature{"rtrim", 2, {kStringType, kStringType}, kStringType, rtrim_chars},
    Signature{"split_part", 3, {kStringType, kStringType, kInt32Type}, kStringType, split_part},
    Signature{"starts_with", 2, {kStringType, kStringType}, kBoolType, starts_with},
    Signature{"like", 2, {kStringType, kStringType}, kBoolType, like},
    Signature{"like", 3, {kStringType, kStringType, kStringType}, kBoolType, like_escaped},
};

}  // namespace

std::span<const Signature> text_functions() { return kTextFunctions; }

}  // namespace isobar::features
