#include "http_reader.h"

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "base/text.h"

namespace isobar::features {

namespace http = boost::beast::http;

struct HttpReader::Parser {
  explicit Parser(std::size_t body_most) {
    of.eager(true);
    of.header_limit(static_cast<std::uint32_t>(kHeaderMost));
    of.body_limit(body_most);
  }
  http::request_parser<http::string_body> of;
};

namespace {

// The shortest end of a body in chunks: "0\r\n\r\n". Beast's parser of Boost 1.81 expects not to be asked with less of it once it has seen
// its first line (boostorg/beast#2861), and no body ends with less.
constexpr std::size_t kLastChunk = 5;

std::string text_of(boost::beast::string_view view) { return {view.data(), view.size()}; }

HttpRefusal refusal_of(const boost::beast::error_code& error, std::size_t body_most) {
  if (error == http::error::header_limit) return {431, fmt::format("the header is longer than {} bytes", HttpReader::kHeaderMost)};
  if (error == http::error::body_limit) return {413, fmt::format("the body is longer than {} bytes; send less at once", body_most)};
  return {400, "this is no HTTP request: " + error.message()};
}

}  // namespace

HttpReader::HttpReader(std::size_t body_most) : body_most_(body_most), parser_(std::make_unique<Parser>(body_most)) {}
HttpReader::~HttpReader() = default;

std::size_t HttpReader::take(std::string_view bytes) {
  if (refusal_ || done()) return 0;
  begun_ = begun_ || !bytes.empty();
  std::size_t taken = 0;
  while (taken < bytes.size() && !parser_->of.is_done()) {
    boost::beast::error_code error;
    const std::string_view rest = bytes.substr(taken);
    if (parser_->of.is_header_done() && parser_->of.chunked() && rest.size() < kLastChunk) break;
    const std::size_t now = parser_->of.put(boost::asio::const_buffer(rest.data(), rest.size()), error);
    taken += now;
    if (error == http::error::need_more) break;
    if (error) {
      refusal_ = refusal_of(error, body_most_);
      break;
    }
    if (now == 0) break;
  }
  if (parser_->of.is_header_done() && parser_->of.upgrade() && !refusal_) refusal_ = HttpRefusal{400, "no other protocol is spoken here"};
  return taken;
}

bool HttpReader::done() const { return !refusal_ && parser_->of.is_done(); }

bool HttpReader::wants_continue() {
  if (continued_ || refusal_ || !parser_->of.is_header_done() || parser_->of.is_done()) return false;
  const auto expected = parser_->of.get().find(http::field::expect);
  if (expected == parser_->of.get().end() || !boost::beast::iequals(expected->value(), "100-continue")) return false;
  continued_ = true;
  return true;
}

bool HttpReader::keep_alive() const { return parser_->of.keep_alive(); }

HttpRequest HttpReader::release() {
  auto& message = parser_->of.get();
  HttpRequest request;
  request.method = text_of(message.method_string());
  request.authorization = text_of(message[http::field::authorization]);
  request.content_type = text_of(message[http::field::content_type]);
  request.idempotency_key = text_of(message["Idempotency-Key"]);
  request.accept = text_of(message[http::field::accept]);
  if (auto target = parse_target({message.target().data(), message.target().size()})) {
    request.path = std::move(target->first);
    request.query = std::move(target->second);
  }
  request.body = std::move(message.body());
  parser_ = std::make_unique<Parser>(body_most_);
  begun_ = continued_ = false;
  return request;
}

std::optional<std::pair<std::string, net::QueryParameters>> parse_target(std::string_view target) {
  const std::size_t mark = target.find('?');
  std::pair<std::string, net::QueryParameters> parsed;
  const auto path = net::percent_decode(target.substr(0, mark));
  if (!path.ok()) return std::nullopt;
  parsed.first = *path;
  if (mark == std::string_view::npos) return parsed;
  for (const std::string_view part : split(target.substr(mark + 1), '&')) {
    if (part.empty()) continue;
    const std::size_t equals = part.find('=');
    std::string value(equals == std::string_view::npos ? std::string_view() : part.substr(equals + 1));
    std::replace(value.begin(), value.end(), '+', ' ');
    const auto name = net::percent_decode(part.substr(0, equals));
    const auto decoded = net::percent_decode(value);
    if (!name.ok() || !decoded.ok()) return std::nullopt;
    parsed.second.emplace_back(*name, *decoded);
  }
  return parsed;
}

}  // namespace isobar::features
