# Regular expressions that take time in proportion to the text, as an archive (ADR 0019).
find_library(RE2_STATIC libre2.a REQUIRED)
isobar_library(re2 ${RE2_STATIC} re2 Threads::Threads)
