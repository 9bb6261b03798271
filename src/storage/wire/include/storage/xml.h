#pragma once

/// The XML that object stores answer with: small, flat, and possibly hostile. Elements are told by name, text is kept to the
/// byte (a key may be a single blank), control characters that XML forbids are let through because keys hold them.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace pugi {
class xml_document;
struct xml_node_struct;
}  // namespace pugi

namespace isobar::storage {

/// A view into an XmlDocument, valid while that lives. One that is absent answers every question with nothing.
class XmlElement {
 public:
  XmlElement() = default;
  explicit operator bool() const { return node_ != nullptr; }
  std::string_view name() const;
  /// The text directly in it; "" when there is none.
  std::string_view text() const;
  /// "" when there is none of that name.
  std::string_view attribute(const char* name) const;
  XmlElement child(const char* name) const;
  std::string_view text_of(const char* name) const { return child(name).text(); }
  /// All elements of that name directly in it, in order; an empty name takes every element.
  std::vector<XmlElement> children(std::string_view name) const;

 private:
  friend class XmlDocument;
  explicit XmlElement(pugi::xml_node_struct* node) : node_(node) {}
  pugi::xml_node_struct* node_ = nullptr;
};

class XmlDocument {
 public:
  /// bytes_max  of the text: a parsed tree takes up to some twenty times as much memory
  /// Errors     kDataLoss: no XML, or longer than bytes_max
  /// Cost       O(bytes). Nothing is fetched and no entity beyond the five of XML is expanded.
  static Result<XmlDocument> parse(std::string_view text, std::size_t bytes_max = 16 << 20);
  XmlDocument(XmlDocument&&) noexcept;
  XmlDocument& operator=(XmlDocument&&) noexcept;
  ~XmlDocument();

  XmlElement root() const;

 private:
  explicit XmlDocument(std::unique_ptr<pugi::xml_document> document);
  std::unique_ptr<pugi::xml_document> document_;
};

/// `text` as the content of an element or attribute: & < > " and carriage returns are written as references.
std::string xml_escape(std::string_view text);

/// Whether XML 1.0 can carry these bytes at all: well-formed UTF-8 without control characters other than tab and line ends.
bool xml_can_hold(std::string_view text);

}  // namespace isobar::storage
