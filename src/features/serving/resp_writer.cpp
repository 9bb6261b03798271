#include "resp_writer.h"

#include <charconv>

namespace isobar::features {

namespace {

void append_number(std::string& out, std::int64_t number) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

}  // namespace

void RespWriter::simple(std::string_view text) { out_.append("+").append(text).append("\r\n"); }

void RespWriter::error(std::string_view text) {
  failed_ = true;
  out_ += '-';
  for (const char c : text) out_ += c == '\r' || c == '\n' ? ' ' : c;
  out_ += "\r\n";
}

void RespWriter::integer(std::int64_t number) {
  out_ += ':';
  append_number(out_, number);
  out_ += "\r\n";
}

void RespWriter::bulk(std::string_view bytes) {
  out_ += '$';
  append_number(out_, static_cast<std::int64_t>(bytes.size()));
  out_.append("\r\n").append(bytes).append("\r\n");
}

void RespWriter::null() { out_ += protocol_ == 3 ? "_\r\n" : "$-1\r\n"; }
void RespWriter::null_array() { out_ += protocol_ == 3 ? "_\r\n" : "*-1\r\n"; }

void RespWriter::aggregate(char kind, std::size_t size) {
  out_ += kind;
  append_number(out_, static_cast<std::int64_t>(size));
  out_ += "\r\n";
}

}  // namespace isobar::features
