# HTTP/2, as an archive.
find_library(NGHTTP2_STATIC libnghttp2.a REQUIRED)
isobar_library(nghttp2 ${NGHTTP2_STATIC} nghttp2)
