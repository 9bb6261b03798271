# The client of Redis, as an archive.
find_library(HIREDIS_STATIC libhiredis.a REQUIRED)
isobar_library(hiredis ${HIREDIS_STATIC} hiredis)
