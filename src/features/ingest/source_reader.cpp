#include "features/source_reader.h"

#include <fmt/format.h>

#include "file_source.h"

namespace isobar::features {

Result<std::unique_ptr<SourceReader>> open_source(const Source& source, const Engine& engine) {
  if (source.kind == SourceKind::kFile) return open_file_source(source, engine);
  return invalid(fmt::format("sources of kind {} are not read by this program", name_of(source.kind)));
}

}  // namespace isobar::features
