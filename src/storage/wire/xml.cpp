#include "storage/xml.h"

#include <fmt/format.h>

#include <pugixml.hpp>

#include "base/text.h"

namespace isobar::storage {

std::string_view XmlElement::name() const { return pugi::xml_node(node_).name(); }
std::string_view XmlElement::text() const { return pugi::xml_node(node_).child_value(); }
std::string_view XmlElement::attribute(const char* name) const { return pugi::xml_node(node_).attribute(name).value(); }
XmlElement XmlElement::child(const char* name) const { return XmlElement(pugi::xml_node(node_).child(name).internal_object()); }

std::vector<XmlElement> XmlElement::children(std::string_view name) const {
  std::vector<XmlElement> found;
  for (pugi::xml_node node = pugi::xml_node(node_).first_child(); node; node = node.next_sibling())
    if (node.type() == pugi::node_element && (name.empty() || name == node.name())) found.push_back(XmlElement(node.internal_object()));
  return found;
}

XmlDocument::XmlDocument(std::unique_ptr<pugi::xml_document> document) : document_(std::move(document)) {}
XmlDocument::XmlDocument(XmlDocument&&) noexcept = default;
XmlDocument& XmlDocument::operator=(XmlDocument&&) noexcept = default;
XmlDocument::~XmlDocument() = default;

Result<XmlDocument> XmlDocument::parse(std::string_view text, std::size_t bytes_max) {
  if (text.size() > bytes_max)
    return Error(Code::kDataLoss, fmt::format("{} bytes of XML, more than the {} allowed", text.size(), bytes_max));
  auto document = std::make_unique<pugi::xml_document>();
  // A key of one blank is text like any other; line ends inside a key are not normalised.
  constexpr unsigned kOptions = pugi::parse_cdata | pugi::parse_escapes | pugi::parse_ws_pcdata_single;
  const auto outcome = document->load_buffer(text.data(), text.size(), kOptions, pugi::encoding_utf8);
  if (!outcome) return Error(Code::kDataLoss, fmt::format("malformed XML at byte {}: {}", outcome.offset, outcome.description()));
  if (!document->document_element()) return Error(Code::kDataLoss, "XML without an element");
  return XmlDocument(std::move(document));
}

XmlElement XmlDocument::root() const { return XmlElement(document_->document_element().internal_object()); }

std::string xml_escape(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&': escaped += "&amp;"; break;
      case '<': escaped += "&lt;"; break;
      case '>': escaped += "&gt;"; break;
      case '"': escaped += "&quot;"; break;
      case '\r': escaped += "&#13;"; break;
      case '\n': escaped += "&#10;"; break;
      case '\t': escaped += "&#9;"; break;
      default: escaped += c;
    }
  }
  return escaped;
}

bool xml_can_hold(std::string_view text) {
  for (const char c : text)
    if (static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n' && c != '\r') return false;
  // U+FFFE and U+FFFF are well-formed UTF-8 that XML forbids.
  if (text.find("\xEF\xBF\xBE") != text.npos || text.find("\xEF\xBF\xBF") != text.npos) return false;
  return is_utf8(text);
}

}  // namespace isobar::storage
